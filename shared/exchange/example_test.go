package exchange_test

import (
	"errors"
	"fmt"

	"timbre/shared/exchange"
)

func ExampleRead() {
	_, err := exchange.Read([]byte(`<Invoice/>`))
	var q *exchange.Quarantine
	if errors.As(err, &q) {
		fmt.Println(q.Code, "-", q.Reason)
	}
	// Output: other-root - la raíz «Invoice» no es de ningún archivo que se intercambie
}

func ExampleChecker_Check() {
	f, err := exchange.Read([]byte(`<DTE xmlns="http://www.sii.cl/SiiDte" version="1.0"><Documento ID="F1T33"/></DTE>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	checker := &exchange.Checker{}
	d := checker.Check(f).Documents[0]
	fmt.Println(d.Checks.Of(exchange.CheckSignature), d.Checks.Strict())
	// Output: fail fail
}
