package resultmail

import (
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"time"
)

// ErrRefused means that the mail server will never take a mail, say because it
// has no such mailbox.
var ErrRefused = errors.New("mail refused")

// sendTimeout bounds one delivery.
const sendTimeout = 10 * time.Second

// Send hands a mail to the server at addr, by plain SMTP.
func Send(addr, to string, mail []byte) error {
	if err := send(addr, to, mail); err != nil {
		var answer *textproto.Error
		if errors.As(err, &answer) && answer.Code >= 500 {
			return fmt.Errorf("send mail to %s: %w: %w", to, ErrRefused, err)
		}
		return fmt.Errorf("send mail to %s: %w", to, err)
	}
	return nil
}

func send(addr, to string, mail []byte) error {
	conn, err := net.DialTimeout("tcp", addr, sendTimeout)
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(sendTimeout)); err != nil {
		return errors.Join(err, conn.Close())
	}
	host, _, _ := net.SplitHostPort(addr)
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	defer client.Close() //nolint:errcheck // Quit has told all
	for _, step := range []func() error{
		func() error { return client.Hello("mail.sii.cl") },
		func() error { return client.Mail(From) },
		func() error { return client.Rcpt(to) },
		func() error { return data(client, mail) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	// The server has taken the mail: what it says to Quit changes nothing.
	_ = client.Quit()
	return nil
}

func data(client *smtp.Client, mail []byte) error {
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(mail); err != nil {
		return err
	}
	return w.Close()
}
