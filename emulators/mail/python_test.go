package mail_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"timbre/emulators/mail"
)

// script sends and reads as the programs do that know nothing of Go.
const script = `
import imaplib, smtplib, ssl, sys
from email import message_from_bytes
from email.message import EmailMessage
mode, host_in, port_in, host_out, port_out, user, password, ca = sys.argv[1:]
context = ssl.create_default_context(cafile=ca) if ca else None
m = EmailMessage()
m["From"], m["To"], m["Subject"] = "proveedor@otra.cl", user, "Envío de DTE"
m.set_content("Estimados:\n.\nSaludos")
xml = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><A>\xf1</A>".encode("latin-1")
m.add_attachment(xml, maintype="text", subtype="xml", filename="envío.xml")
s = smtplib.SMTP_SSL(host_in, port_in, context=context) if mode == "implicit" else smtplib.SMTP(host_in, port_in)
if mode == "starttls":
    s.starttls(context=context)
s.login(user, password)
s.send_message(m)
try:
    s.sendmail("a@b.cl", ["nadie@empresa.cl"], "x")
    raise SystemExit("an unknown recipient was taken")
except smtplib.SMTPRecipientsRefused as e:
    assert e.recipients["nadie@empresa.cl"][0] == 550, e
s.quit()
c = imaplib.IMAP4_SSL(host_out, int(port_out), ssl_context=context) if mode == "implicit" else imaplib.IMAP4(host_out, int(port_out))
if mode == "starttls":
    c.starttls(context)
c.login(user, password)
assert c.list()[1] == [b'(\\HasNoChildren) "/" INBOX'], c.list()
assert c.select("INBOX")[1] == [b"1"]
assert c.uid("SEARCH", None, "UNSEEN", "SINCE", "1-Jan-2020")[1] == [b"1"]
typ, data = c.uid("FETCH", "1", "(FLAGS BODY.PEEK[])")
assert typ == "OK" and b"\\Seen" not in data[0][0], data
got = message_from_bytes(data[0][1])
part = [p for p in got.walk() if p.get_filename() == "envío.xml"][0]
assert part.get_payload(decode=True) == xml, part
assert c.uid("STORE", "1", "+FLAGS", "(\\Seen)")[0] == "OK"
assert c.search(None, "UNSEEN")[1] in ([b""], [None])
assert c.append("INBOX", None, None, b"Subject: x\r\n\r\ny\r\n")[0] == "OK"
assert c.noop()[0] == "OK" and c.fetch("2", "(RFC822)")[1][0][1] == b"Subject: x\r\n\r\ny\r\n"
assert c.store("1", "+FLAGS", "\\Deleted")[0] == "OK" and c.expunge()[1] == [b"1"]
c.logout()
print("fine")
`

func TestPython(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	for _, mode := range []mail.TLS{mail.TLSOff, mail.TLSStart, mail.TLSImplicit} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s := start(t, mail.Options{TLS: mode})
			args := []string{"-c", script, string(mode)}
			for _, addr := range []string{s.SMTPAddr(), s.IMAPAddr()} {
				_, port, err := net.SplitHostPort(addr)
				if err != nil {
					t.Fatal(err)
				}
				args = append(args, "127.0.0.1", port)
			}
			ca := ""
			if mode != mail.TLSOff {
				ca = filepath.Join(t.TempDir(), "ca.pem")
				if err := os.WriteFile(ca, s.CertificatePEM(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out, err := exec.CommandContext(t.Context(), python, append(args, address, password, ca)...).CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != "fine" {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
