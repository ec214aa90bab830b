package xmldsig_test

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"

	"timbre/shared/xmldsig"
)

// Documents that carry a good signature and want it to be taken for something else.
func TestVerifyWrapping(t *testing.T) {
	t.Parallel()
	good := signedDTE(t, identity(t, "x-rsa1024-sha1"), xmldsig.Both)
	start, signature := strings.Index(good, "<Documento"), strings.Index(good, "<Signature")
	head, documento, sign := good[:start], good[start:signature], good[signature:strings.Index(good, "</DTE>")]
	fake := strings.Replace(documento, "4760", "9999999", 1)
	other := strings.Replace(fake, "F17T33", "F18T33", 1)
	swap := func(from, to string) string {
		if !strings.Contains(sign, from) {
			t.Fatalf("%q does not occur", from)
		}
		return head + documento + strings.Replace(sign, from, to, 1) + "</DTE>"
	}
	reference := sign[strings.Index(sign, "<Reference"):strings.Index(sign, "</SignedInfo>")]
	const transform = `<Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"></Transform>`
	for _, tt := range []struct {
		name, in string
		err      error
	}{
		{"good", good, nil},
		{"forged beside the signed one", head + fake + documento + sign + "</DTE>", xmldsig.ErrForm},
		{"forged beside, other ID", head + other + documento + sign + "</DTE>", xmldsig.ErrForm},
		{"signed one hidden in the forged one", head + strings.Replace(other, "</Documento>", documento+"</Documento>", 1) + sign + "</DTE>", xmldsig.ErrForm},
		{"signed one hidden in the signature", head + other + strings.Replace(sign, "</Signature>", "<Object>"+documento+"</Object></Signature>", 1) + "</DTE>", xmldsig.ErrForm},
		{"signed one hidden, same ID", head + fake + strings.Replace(sign, "<KeyInfo>", "<KeyInfo>"+documento, 1) + "</DTE>", xmldsig.ErrForm},
		{"same ID elsewhere", head + documento + strings.Replace(sign, "<KeyInfo>", `<KeyInfo Id="F17T33">`, 1) + "</DTE>", xmldsig.ErrForm},
		{"signature one level up", "<EnvioDTE>" + head + fake + "</DTE><X>" + documento + "</X>" + sign + "</EnvioDTE>", xmldsig.ErrForm},
		{"signature before", head + sign + documento + "</DTE>", xmldsig.ErrForm},
		{"two signatures", head + documento + sign + sign + "</DTE>", xmldsig.ErrForm},
		{"nothing signed", head + sign + "</DTE>", xmldsig.ErrForm},
		{"signature is the root", sign, xmldsig.ErrForm},
		{"two references", swap(reference, reference+reference), xmldsig.ErrForm},
		{"no reference", swap(reference, ""), xmldsig.ErrForm},
		{"URI of another", swap(`URI="#F17T33"`, `URI="#F18T33"`), xmldsig.ErrForm},
		{"whole document", swap(`URI="#F17T33"`, `URI=""`), xmldsig.ErrForm},
		{"empty ID", swap(`URI="#F17T33"`, `URI="#"`), xmldsig.ErrForm},
		{"no URI", swap(` URI="#F17T33"`, ``), xmldsig.ErrForm},
		{"XPointer", swap(`URI="#F17T33"`, `URI="#xpointer(id('F17T33'))"`), xmldsig.ErrForm},
		{"other file", swap(`URI="#F17T33"`, `URI="http://127.0.0.1/x#F17T33"`), xmldsig.ErrForm},
		{"XPath", swap(transform, `<Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><XPath>1=1</XPath></Transform>`), xmldsig.ErrAlgorithm},
		{"parameters in a transform", swap(transform, strings.Replace(transform, "></", "><XPath>1=1</XPath></", 1)), xmldsig.ErrAlgorithm},
		{"exclusive C14N", swap("http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2001/10/xml-exc-c14n#"), xmldsig.ErrAlgorithm},
		{"MD5", swap("#rsa-sha1", "#rsa-md5"), xmldsig.ErrAlgorithm},
		{"HMAC by the public key", swap("#rsa-sha1", "#hmac-sha1"), xmldsig.ErrAlgorithm},
		{"digest of another length", swap("<DigestValue>", "<DigestValue>AAAA"), xmldsig.ErrForm},
		{"digest that is no base64", swap("<DigestValue>", "<DigestValue>*"), xmldsig.ErrForm},
		{"second digest", swap("<DigestValue>", "<DigestValue></DigestValue><DigestValue>"), xmldsig.ErrForm},
		{"value that is no base64", swap("<SignatureValue>", "<SignatureValue>*"), xmldsig.ErrForm},
		{"value with another one before it", swap("<SignatureValue>", "<SignatureValue>AAAA"), xmldsig.ErrSignature},
		{"no namespace", swap(` xmlns="http://www.w3.org/2000/09/xmldsig#"`, ""), xmldsig.ErrForm},
		{"foreign element", swap("<SignatureValue>", "<X/><SignatureValue>"), xmldsig.ErrForm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			doc := parse(t, []byte(tt.in))
			signatures := append(xmldsig.Signatures(doc), doc.Root().Find("Signature"))
			v, err := xmldsig.Verify(signatures[0])
			if !errors.Is(err, tt.err) || (err != nil && v != nil) {
				t.Errorf("got %v, %v; want %v", v, err, tt.err)
			}
		})
	}
}

var (
	certificateText = regexp.MustCompile(`(?s)<X509Certificate>.*?</X509Certificate>`)
	keyValueText    = regexp.MustCompile(`(?s)<KeyValue>.*?</KeyValue>\n`)
	modulusText     = regexp.MustCompile(`(?s)<Modulus>.*?</Modulus>`)
	exponentText    = regexp.MustCompile(`<Exponent>.*?</Exponent>`)
)

// KeyInfo is not signed: what stands there never makes a signature good, and tells whose it is only
// if key and certificate agree.
func TestVerifyKeyInfo(t *testing.T) {
	t.Parallel()
	good := signedDTE(t, identity(t, "x-rsa1024-sha1"), xmldsig.Both)
	foreign := signedDTE(t, identity(t, "b-modern"), xmldsig.Both)
	swap := func(part *regexp.Regexp, to string) string {
		if !part.MatchString(good) {
			t.Fatalf("%s does not occur", part)
		}
		return part.ReplaceAllLiteralString(good, to)
	}
	tooSmall, tooLarge := make([]byte, 64), make([]byte, 1024)
	tooSmall[0], tooLarge[0] = 0xFF, 0xFF
	for _, tt := range []struct {
		name, in  string
		err       error
		holds     bool
		noSubject bool
	}{
		{"as signed", good, nil, true, false},
		{"certificate of another", swap(certificateText, certificateText.FindString(foreign)), xmldsig.ErrKeyMismatch, true, false},
		{"own certificate after another", swap(certificateText, certificateText.FindString(foreign)+certificateText.FindString(good)), nil, true, false},
		{"no certificate", swap(certificateText, ""), xmldsig.ErrCertificate, true, true},
		{"certificate that is no base64", swap(certificateText, "<X509Certificate>ñ</X509Certificate>"), xmldsig.ErrCertificate, true, true},
		{"certificate that is none", swap(certificateText, "<X509Certificate>AAAA</X509Certificate>"), xmldsig.ErrCertificate, true, true},
		{"no KeyValue", swap(keyValueText, ""), nil, true, false},
		{"KeyValue of another", swap(keyValueText, keyValueText.FindString(foreign)), xmldsig.ErrSignature, false, false},
		{"neither", keyValueText.ReplaceAllLiteralString(swap(certificateText, ""), ""), xmldsig.ErrKey, false, false},
		{"modulus that is no base64", swap(modulusText, "<Modulus>*</Modulus>"), xmldsig.ErrKey, false, false},
		{"no modulus", swap(modulusText, ""), xmldsig.ErrKey, false, false},
		{"modulus of 512 bits", swap(modulusText, "<Modulus>"+base64.StdEncoding.EncodeToString(tooSmall)+"</Modulus>"), xmldsig.ErrKey, false, false},
		{"modulus of 8192 bits", swap(modulusText, "<Modulus>"+base64.StdEncoding.EncodeToString(tooLarge)+"</Modulus>"), xmldsig.ErrKey, false, false},
		{"exponent 1", swap(exponentText, "<Exponent>AQ==</Exponent>"), xmldsig.ErrKey, false, false},
		{"exponent 0", swap(exponentText, "<Exponent>AA==</Exponent>"), xmldsig.ErrKey, false, false},
		{"exponent of 5 bytes", swap(exponentText, "<Exponent>AQAAAAE=</Exponent>"), xmldsig.ErrKey, false, false},
		{"exponent of 9 bytes", swap(exponentText, "<Exponent>AAAAAAAAAQAB</Exponent>"), xmldsig.ErrKey, false, false},
		{"no KeyInfo", regexp.MustCompile(`(?s)<KeyInfo>.*</KeyInfo>`).ReplaceAllString(good, ""), xmldsig.ErrForm, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := xmldsig.Verify(xmldsig.SignatureOf(parse(t, []byte(tt.in)).Root().Find("Documento")))
			if !errors.Is(err, tt.err) || (v != nil) != tt.holds {
				t.Fatalf("got %v, %v; want %v", v, err, tt.err)
			}
			if v != nil && (v.Certificate == nil) != tt.noSubject {
				t.Errorf("certificate %v", v.Certificate)
			}
		})
	}
}
