package e2e_test

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // FRMT is SHA1withRSA (DTE_v10.xsd, TED/FRMT)
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"timbre/emulators/sii/authority"
	"timbre/shared/caf"
	"timbre/shared/dte"
	"timbre/shared/dte/dtetest"
	"timbre/shared/rules"
	"timbre/shared/ted"
	"timbre/shared/xmldsig"
)

// bench holds a document at the moment of signing, for faults that only bytes can have.
type bench struct {
	*desk
	order *dte.Order
}

func (b *bench) stamp() []byte {
	b.t.Helper()
	stamp, err := ted.Stamp(b.order.Stamped(), b.caf(b.order.Type()), deskSigned)
	check(b.t, err)
	return stamp
}

// verify reads the document with this stamp again, changed after signing.
func (b *bench) verify(stamp []byte, change func([]byte) []byte) error {
	b.t.Helper()
	_, err := dte.Verify(b.written(stamp, change), b.order, b.id)
	return err
}

// issue has the world's SII authorize other folios.
func (b *bench) issue(day string, idk int) []byte {
	b.t.Helper()
	file, err := authority.IssueCAF(b.world, authority.CAFOrder{
		RUT: dtetest.Issuer.RUT.String(), Name: dtetest.Issuer.RznSoc, Type: 33, From: 1, To: 50, Day: day, IDK: idk,
	})
	check(b.t, err)
	return file
}

func asIs(signed []byte) []byte { return signed }

func swapped(from, to string) func([]byte) []byte {
	return func(text []byte) []byte { return bytes.Replace(text, []byte(from), []byte(to), 1) }
}

// signingFaults make each fault; the error is how it is noticed before anything is stored.
var signingFaults = map[string]struct {
	want error
	make func(b *bench) error
}{
	"stamp-signature": {ted.ErrFRMT, func(b *bench) error {
		_, err := ted.Verify(b.broken(), b.keys)
		return err
	}},
	"stamp-before-caf": {ted.ErrDate, func(b *bench) error {
		_, err := ted.Stamp(b.order.Stamped(), b.caf(33), time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC))
		return err
	}},
	"caf-environment": {caf.ErrEnvironment, func(b *bench) error {
		c, err := caf.Parse(b.issue("2026-11-01", caf.IDKProduccion), b.keys)
		check(b.t, err)
		return c.CheckFor(dtetest.Issuer.RUT, caf.Certificacion)
	}},
	"caf-expired": {caf.ErrExpired, func(b *bench) error {
		c, err := caf.Parse(b.issue("2026-05-01", caf.IDKCertificacion), b.keys)
		check(b.t, err)
		_, err = ted.Stamp(b.order.Stamped(), c, deskSigned)
		return err
	}},
	"caf-altered": {caf.ErrFRMA, func(b *bench) error {
		_, err := caf.Parse(swapped("<H>50</H>", "<H>51</H>")(b.issue("2026-11-01", caf.IDKCertificacion)), b.keys)
		return err
	}},
	"folio-range": {ted.ErrFolio, func(b *bench) error {
		_, err := ted.Stamp(b.order.WithFolio(201).Stamped(), b.caf(33), deskSigned)
		return err
	}},
	"document-version": {dte.ErrNotOrder, func(b *bench) error {
		return b.verify(b.stamp(), swapped(`version="1.0"`, `version="2.0"`))
	}},
	"document-signature": {xmldsig.ErrDigest, func(b *bench) error {
		return b.verify(b.stamp(), swapped("<MntTotal>7140<", "<MntTotal>7141<"))
	}},
	"document-reference": {xmldsig.ErrForm, func(b *bench) error {
		return b.verify(b.stamp(), swapped(`URI="#F17T33"`, `URI="#F18T33"`))
	}},
}

// restamp changes the text of a stamp and signs its DD again, by the CAF given.
func (b *bench) restamp(change func([]byte) []byte, c *caf.CAF) []byte {
	b.t.Helper()
	stamp := change(b.stamp())
	from, to := bytes.Index(stamp, []byte("<DD>")), bytes.Index(stamp, []byte("</DD>"))+len("</DD>")
	digest := sha1.Sum(stamp[from:to]) //nolint:gosec // the SII's
	frmt, err := c.Sign(digest[:])
	check(b.t, err)
	return append(stamp[:to:to], `<FRMT algoritmo="SHA1withRSA">`+base64.StdEncoding.EncodeToString(frmt)+`</FRMT></TED>`...)
}

// foreign is a stamp under another authorization.
func (b *bench) foreign(day string, idk int) []byte {
	b.t.Helper()
	c, err := caf.Parse(b.issue(day, idk), b.keys)
	check(b.t, err)
	element := regexp.MustCompile(`(?s)<CAF .*</CAF>`)
	return b.restamp(func(stamp []byte) []byte { return element.ReplaceAllLiteral(stamp, c.Element()) }, c)
}

// signedFaults are whole documents with a fault that only signing can make, for the SII to judge.
var signedFaults = map[string]func(b *bench) []byte{
	"stamp-total": func(b *bench) []byte {
		return b.written(b.restamp(swapped("<MNT>7140<", "<MNT>7141<"), b.caf(33)), asIs)
	},
	"stamp-signature": func(b *bench) []byte {
		return b.written(b.broken(), asIs)
	},
	"stamp-before-caf": func(b *bench) []byte {
		return b.written(b.restamp(swapped("<TSTED>2026-11-23", "<TSTED>2026-10-31"), b.caf(33)), asIs)
	},
	"caf-expired":        func(b *bench) []byte { return b.written(b.foreign("2026-05-01", caf.IDKCertificacion), asIs) },
	"caf-environment":    func(b *bench) []byte { return b.written(b.foreign("2026-11-01", caf.IDKProduccion), asIs) },
	"document-signature": func(b *bench) []byte { return b.written(b.stamp(), asIs) },
}

// sealedFaults are changes of the file, after which the set is signed again.
var sealedFaults = map[string]func([]byte) []byte{
	"document-signature": swapped("<DirRecep>Teatinos 120<", "<DirRecep>Teatinos 121<"),
	"line-too-long":      swapped("<SetDTE", strings.Repeat(" ", 4070)+"<SetDTE"),
}

// sealed changes an envelope and signs its set again, as one who checks nothing would.
func (d *desk) sealed(file []byte, setID string, change func([]byte) []byte) []byte {
	d.t.Helper()
	file = change(file)
	doc, err := xmldsig.Parse(file, xmldsig.Limits{})
	check(d.t, err)
	digest := sha1.Sum(doc.ByID(setID).Canonical()) //nolint:gosec // the SII's
	signature, err := xmldsig.Sign(d.id, digest, "#"+setID, xmldsig.Both)
	check(d.t, err)
	at, end := bytes.LastIndex(file, []byte("<Signature ")), bytes.LastIndex(file, []byte("</Envio"))
	return slices.Concat(file[:at], signature, []byte("\n"), file[end:])
}

// broken is a stamp whose FRMT signs something else.
func (b *bench) broken() []byte {
	b.t.Helper()
	frmt := regexp.MustCompile(`<FRMT .*</FRMT>`)
	other := b.restamp(swapped("<MNT>7140<", "<MNT>7141<"), b.caf(33))
	return frmt.ReplaceAllLiteral(b.stamp(), frmt.Find(other))
}

func (b *bench) written(stamp []byte, change func([]byte) []byte) []byte {
	b.t.Helper()
	signed, err := dte.Write(b.order, stamp, deskSigned, dte.FormBoth, b.id)
	check(b.t, err)
	return change(signed)
}

// takeFault submits the document of a fixture of the stage "signed".
func (d *desk) takeFault(f dtetest.Fixture, name string) string {
	d.t.Helper()
	d.next[33]++
	folio := d.next[33]
	b := &bench{desk: d, order: f.Order(d.t, dtetest.Issuer, dtetest.Today).WithFolio(folio)}
	if !d.submit(f.Rule, signedFaults[f.Rule](b), name) {
		return ""
	}
	return fmt.Sprintf("33/%d", folio)
}

// TestSigningRules: what only signed bytes and CAFs can break is noticed before anything is stored.
func TestSigningRules(t *testing.T) {
	b := &bench{desk: newDesk(t)}
	b.order = dtetest.Fixture{Rule: "33", Base: "33", Stage: dtetest.Signed}.Order(t, dtetest.Issuer, dtetest.Today)
	if err := b.verify(b.stamp(), asIs); err != nil {
		t.Fatal(err)
	}
	for _, f := range dtetest.Fixtures(t) {
		if f.Stage != dtetest.Signed {
			continue
		}
		if rules.Named(f.Rule) == nil {
			t.Errorf("no rule %s", f.Rule)
		}
		if name, text, ok := strings.Cut(f.Change, "="); ok && strings.HasPrefix(f.Rule, "stamp-") && name != "TSTED" {
			b.checkStamp(f.Rule, name, text)
			continue
		}
		fault, ok := signingFaults[f.Rule]
		if !ok {
			t.Errorf("%s: nothing makes this fault", f.Rule)
			continue
		}
		if err := fault.make(b); !errors.Is(err, fault.want) {
			t.Errorf("%s: %v", f.Rule, err)
		}
	}
}

// checkStamp writes another value into the stamp.
func (b *bench) checkStamp(rule, name, text string) {
	b.t.Helper()
	field := regexp.MustCompile(`<` + name + `>[^<]*</` + name + `>`)
	stamp := b.stamp()
	at := field.FindIndex(stamp)
	changed := bytes.Join([][]byte{stamp[:at[0]], []byte("<" + name + ">" + text + "</" + name + ">"), stamp[at[1]:]}, nil)
	err := b.verify(changed, asIs)
	if !errors.Is(err, dte.ErrNotOrder) || !strings.Contains(err.Error(), "TED "+name+" ") {
		b.t.Errorf("%s: %v", rule, err)
	}
}
