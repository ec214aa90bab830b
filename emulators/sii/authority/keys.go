package authority

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"timbre/emulators/sii/pki"
	"timbre/emulators/sii/rut"
)

// authorityRUT stands in the issuer alternative name of every certificate.
const authorityRUT = "99999999-9"

// keys are all secrets of a world, before they are written.
type keys struct {
	companies    []Company
	sii          map[int]*rsa.PrivateKey // by IDK
	root         *pair
	intermediate *pair
	signers      []*pair // in the order of companies
}

type pair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

func withDigit(number int) string { return rut.Format(number) }

func newKeys(o Options) (*keys, error) {
	bits := []int{512, 512, 2048, 2048}
	for range o.Companies {
		bits = append(bits, 2048)
	}
	made, err := generate(bits)
	if err != nil {
		return nil, err
	}
	k := &keys{companies: o.Companies, sii: map[int]*rsa.PrivateKey{100: made[0], 300: made[1]}}
	if k.root, err = certificate(caTemplate("Raíz de prueba - NO VÁLIDA", o.Now), made[2], nil); err != nil {
		return nil, err
	}
	if k.intermediate, err = certificate(caTemplate("Firma simple de prueba - NO VÁLIDA", o.Now), made[3], k.root); err != nil {
		return nil, err
	}
	for i, c := range o.Companies {
		template, err := personTemplate(c, o.Now)
		if err != nil {
			return nil, err
		}
		signer, err := certificate(template, made[4+i], k.intermediate)
		if err != nil {
			return nil, err
		}
		k.signers = append(k.signers, signer)
	}
	return k, nil
}

// generate makes RSA keys side by side: the 2048-bit ones take most of the time.
func generate(bits []int) ([]*rsa.PrivateKey, error) {
	made := make([]*rsa.PrivateKey, len(bits))
	err := together(len(bits), func(i int) error {
		var err error
		made[i], err = rsa.GenerateKey(rand.Reader, bits[i])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("generate keys: %w", err)
	}
	return made, nil
}

func certificate(template *x509.Certificate, key *rsa.PrivateKey, by *pair) (*pair, error) {
	number, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("serial number: %w", err)
	}
	template.SerialNumber = number.Add(number, big.NewInt(1))
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return &pair{key: key, cert: cert}, nil
}

func caTemplate(name string, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{Country: []string{"CL"}, Organization: []string{"CERTIFICADORA FALSA"}, CommonName: name},
		NotBefore: now.AddDate(-2, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

func personTemplate(c Company, now time.Time) (*x509.Certificate, error) {
	extensions, err := pki.RUTExtensions(c.Signer.RUT, authorityRUT)
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		Subject:   pkix.Name{Country: []string{"CL"}, Organization: []string{first(c.Name, 64)}, CommonName: c.Signer.Name, SerialNumber: c.Signer.RUT},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(2, 0, 0),
		KeyUsage:        x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection},
		ExtraExtensions: extensions,
	}, nil
}

// files lists what a world holds besides CAFs and companies.json.
func (k *keys) files() (map[string][]byte, error) {
	files := map[string][]byte{
		filepath.Join("ca", "root.pem"):         pemCert(k.root.cert),
		filepath.Join("ca", "root.key"):         pemKey(k.root.key),
		filepath.Join("ca", "intermediate.pem"): pemCert(k.intermediate.cert),
		filepath.Join("ca", "intermediate.key"): pemKey(k.intermediate.key),
	}
	for idk, key := range k.sii {
		public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			return nil, fmt.Errorf("write SII key: %w", err)
		}
		files[filepath.Join("sii", serial(idk)+".pub")] = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
		files[filepath.Join("sii", serial(idk)+".key")] = pemKey(key)
	}
	for i, c := range k.companies {
		chain := []*x509.Certificate{k.intermediate.cert, k.root.cert}
		for name, extra := range map[string][]*x509.Certificate{c.PFX: nil, filepath.Join("certs", c.ID+"-chain.pfx"): chain} {
			pfx, err := pkcs12.Modern.Encode(k.signers[i].key, k.signers[i].cert, extra, c.PFXPassword)
			if err != nil {
				return nil, fmt.Errorf("write PFX of %s: %w", c.ID, err)
			}
			files[name] = pfx
		}
		files[filepath.Join("certs", c.ID+".pem")] = pemCert(k.signers[i].cert)
		files[filepath.Join("certs", c.ID+".key")] = pemKey(k.signers[i].key)
	}
	return files, nil
}

func pemCert(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func pemKey(k *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
}
