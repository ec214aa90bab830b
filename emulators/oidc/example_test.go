package oidc_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"timbre/emulators/oidc"
)

func Example() {
	issuer, err := oidc.New()
	if err != nil {
		log.Fatal(err)
	}
	token, err := issuer.Token("https://send.example", "push@demo.iam.gserviceaccount.com")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	validator, err := idtoken.NewValidator(ctx, option.WithHTTPClient(issuer.Client()))
	if err != nil {
		log.Fatal(err)
	}
	payload, err := validator.Validate(ctx, token, "https://send.example")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(payload.Issuer, payload.Claims["email"])
	// Output: https://accounts.google.com push@demo.iam.gserviceaccount.com
}
