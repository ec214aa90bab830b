package mailbox_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"os"

	"timbre/emulators/mail"
	"timbre/shared/mailbox"
)

// A reader keeps its cursor and tells mails apart by their SHA-256.
func ExampleReader_Read() {
	dir, err := os.MkdirTemp("", "mail")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	provider, err := mail.Start(mail.Options{Dir: dir, Mailboxes: []mail.Mailbox{{Address: address, Password: password}}})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = provider.Close() }()

	var smtp, imap mailbox.Server
	for addr, s := range map[string]*mailbox.Server{provider.SMTPAddr(): &smtp, provider.IMAPAddr(): &imap} {
		*s = mailbox.Server{Host: "127.0.0.1", Security: mailbox.Plain, User: address, Password: password}
		if _, err := fmt.Sscanf(addr, "127.0.0.1:%d", &s.Port); err != nil {
			log.Fatal(err)
		}
	}
	raw := []byte("Subject: hola\r\n\r\n")
	if err := mailbox.NewSender(dial, 0).Send(context.Background(), smtp, "a@b.cl", []string{address}, raw); err != nil {
		log.Fatal(err)
	}

	reader, cursor, seen := mailbox.NewReader(dial, mailbox.Options{}), mailbox.Cursor{}, map[[32]byte]bool{}
	progress, err := reader.Read(context.Background(), mailbox.Account{Server: imap}, cursor, func(_ context.Context, m mailbox.Message) error {
		raw, err := io.ReadAll(m.Body)
		if err != nil {
			return err
		}
		seen[sha256.Sum256(raw)] = true // keep the mail before the cursor moves
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	cursor = progress.Cursor
	fmt.Println(len(seen), "mail; go on after", cursor.UID)
	// Output: 1 mail; go on after 1
}
