package mail

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-smtp"

	"timbre/emulators/mail/depot"
)

// Server is a running mail server.
type Server struct {
	opts    Options
	depot   *depot.Depot
	faults  *faults
	tls     *tls.Config
	pem     []byte
	smtp    *smtp.Server
	imap    *imapserver.Server
	control *http.Server
	on      [3]net.Listener // SMTP, IMAP, control
}

// Start reads what Dir holds and serves until Close.
func Start(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	d, err := depot.Open(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	s := &Server{opts: o, depot: d, faults: &faults{}}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("mail: %w", err), s.hangUp())
	}
	s.serve()
	return s, nil
}

// prepare does all that can fail.
func (s *Server) prepare() error {
	for _, m := range s.opts.Mailboxes {
		if err := s.depot.Put(m.Address, m.login()); err != nil {
			return err
		}
	}
	if s.opts.CatchAll != "" {
		if _, err := s.depot.Account(s.opts.CatchAll); err != nil {
			return err
		}
	}
	if s.opts.TLS != TLSOff {
		if err := s.loadCertificate(); err != nil {
			return err
		}
	}
	for i, addr := range []string{s.opts.SMTPAddr, s.opts.IMAPAddr, s.opts.ControlAddr} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		s.on[i] = l
	}
	return nil
}

// serve starts the three servers; each ends by Close only.
func (s *Server) serve() {
	quiet := log.New(io.Discard, "", 0) // broken connections are this server's trade
	mailIn, mailOut := s.on[0], s.on[1]
	var offered *tls.Config
	switch s.opts.TLS {
	case TLSImplicit:
		mailIn, mailOut = tls.NewListener(mailIn, s.tls), tls.NewListener(mailOut, s.tls)
	case TLSStart:
		offered = s.tls
	case TLSOff:
	}
	clear := s.opts.TLS == TLSOff
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.receive))
	s.smtp.Domain, s.smtp.TLSConfig, s.smtp.ErrorLog = "mail.emulator", offered, quiet
	s.smtp.MaxMessageBytes, s.smtp.MaxRecipients, s.smtp.AllowInsecureAuth = s.opts.MaxBytes, 100, clear
	s.smtp.ReadTimeout, s.smtp.WriteTimeout, s.smtp.EnableSMTPUTF8 = time.Minute, time.Minute, true
	s.imap = imapserver.New(&imapserver.Options{
		NewSession: s.newSession, Caps: imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}},
		Logger: quiet, TLSConfig: offered, InsecureAuth: clear,
	})
	s.control = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.smtp.Serve(mailIn) }()
	go func() { _ = s.imap.Serve(mailOut) }()
	go func() { _ = s.control.Serve(s.on[2]) }()
}

// SMTPAddr is host and port of SMTP.
func (s *Server) SMTPAddr() string { return s.on[0].Addr().String() }

// IMAPAddr is host and port of IMAP.
func (s *Server) IMAPAddr() string { return s.on[1].Addr().String() }

// ControlURL is the base of the control API.
func (s *Server) ControlURL() string { return "http://" + s.on[2].Addr().String() }

// Close ends all connections. Changes under way are finished first.
func (s *Server) Close() error {
	return errors.Join(s.smtp.Close(), s.imap.Close(), s.control.Close(), s.depot.Close())
}

// hangUp undoes a prepare that failed.
func (s *Server) hangUp() error {
	err := s.depot.Close()
	for _, l := range s.on {
		if l != nil {
			err = errors.Join(err, l.Close())
		}
	}
	return err
}
