package parts_test

import (
	"fmt"
	"log"
	"strings"

	"timbre/shared/mailbox/parts"
)

func ExampleWalk() {
	raw := strings.ReplaceAll(`From: Ventas <ventas@proveedor.cl>
Subject: =?ISO-8859-1?Q?Factura_N=BA_17?=
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: application/pdf; name=f17.pdf

%PDF
--b
Content-Type: application/octet-stream; name="DTE_33_17.xml.XML"
Content-Transfer-Encoding: base64

PERURS8+
--b--
`, "\n", "\r\n")
	mail, err := parts.Walk([]byte(raw), parts.Limits{}, func(f parts.File) error {
		fmt.Printf("%s %s: %s\n", f.Path, f.Name, f.Content)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(mail.From, mail.Subject)
	for _, o := range mail.Others {
		fmt.Println(o.Path, o.Name, o.Reason)
	}
	// Output:
	// 2 DTE_33_17.xml.XML: <DTE/>
	// ventas@proveedor.cl Factura Nº 17
	// 1 f17.pdf not-xml
}
