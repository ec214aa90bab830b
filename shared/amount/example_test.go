package amount_test

import (
	"fmt"

	"timbre/shared/amount"
)

// The IVA of 1,350 pesos: 256.5 rounds away from zero.
func ExampleProduct() {
	rate, err := amount.Int(19).Percent()
	if err != nil {
		fmt.Println(err)
		return
	}
	iva, err := amount.Product(amount.PesoPlaces, amount.MustParse("1350"), rate)
	fmt.Println(iva, err)
	// Output: 257 <nil>
}
