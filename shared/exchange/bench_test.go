package exchange_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"syscall"
	"testing"
	"time"

	"timbre/shared/exchange"
)

// BenchmarkReceived is one received DTE of 20 lines: its proof (parse, schema, signature and TED), whose target is 250 µs
// of CPU; the whole check, with amounts and rules; and the same in an envelope. A bare RSA verification with the key of
// the document tells how fast the machine is just now.
func BenchmarkReceived(b *testing.B) {
	document := append([]byte(latin1Declaration), issue(b, order{lines: 20})...)
	envelope := enclose(b, company, issue(b, order{lines: 20}))
	c := checker(b)
	for _, bb := range []struct {
		name  string
		text  []byte
		judge func(*exchange.File) *exchange.Report
	}{{"proof", document, c.Prove}, {"document", document, c.Check}, {"envelope", envelope, c.Check}} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.text)))
			b.ReportAllocs()
			began := processor(b)
			for b.Loop() {
				f, err := exchange.Read(bb.text)
				if err != nil {
					b.Fatal(err)
				}
				if r := bb.judge(f); r.Documents[0].Checks.Worst() != exchange.Pass {
					b.Fatal(r.Documents[0].Checks)
				}
			}
			report(b, began)
		})
	}
	b.Run("bare RSA", bareRSA)
}

func bareRSA(b *testing.B) {
	signer := identity(b, "a-modern.pfx").Key
	digest := sha1.Sum([]byte("x"))
	signature, err := signer.Sign(nil, digest[:], crypto.SHA1)
	if err != nil {
		b.Fatal(err)
	}
	began := processor(b)
	for b.Loop() {
		if err := rsa.VerifyPKCS1v15(signer.Public().(*rsa.PublicKey), crypto.SHA1, digest[:], signature); err != nil {
			b.Fatal(err)
		}
	}
	report(b, began)
}

// processor is the processor's time that this process has used: what other programs use does not count.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func report(b *testing.B, began time.Duration) {
	b.Helper()
	each := (processor(b) - began).Seconds() / float64(b.N)
	b.ReportMetric(each*1e6, "cpu-µs/op")
	b.ReportMetric(1/each, "op/s/core")
}
