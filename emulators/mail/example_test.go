package mail_test

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

	"timbre/emulators/mail"
)

func Example() {
	dir, err := os.MkdirTemp("", "mail")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	srv, err := mail.Start(mail.Options{Dir: dir, Mailboxes: []mail.Mailbox{{Address: "dte@empresa.cl", Password: "clave"}}})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = srv.Close() }()

	in, err := smtp.Dial(srv.SMTPAddr())
	if err != nil {
		log.Fatal(err)
	}
	if err := in.SendMail("a@b.cl", []string{"dte@empresa.cl"}, strings.NewReader("Subject: hola\r\n\r\n")); err != nil {
		log.Fatal(err)
	}
	out, err := imapclient.DialInsecure(srv.IMAPAddr(), nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := out.Login("dte@empresa.cl", "clave").Wait(); err != nil {
		log.Fatal(err)
	}
	inbox, err := out.Select("INBOX", nil).Wait()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(inbox.NumMessages, "mail")
	// Output: 1 mail
}
