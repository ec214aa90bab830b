package result_test

import (
	"fmt"
	"log"

	"timbre/shared/mailbox/result"
)

func ExampleParse() {
	r, err := result.Parse([]byte(whole))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Track, r.State)
	for _, d := range r.Documents {
		fmt.Println(d.Type, d.Folio, d.Verdict, d.Details[0].Code)
	}
	// Output:
	// 251767784 EPR
	// 33 17 rejected DTE-3-101
	// 33 18 accepted_with_remarks HED-1-863
	// 33 19 accepted_with_remarks HED-2-861
}
