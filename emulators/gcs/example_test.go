package gcs_test

import (
	"context"
	"fmt"
	"net/http"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"timbre/emulators/gcs"
)

// A claim is created once; who comes second is told so.
func ExampleStart() {
	srv, err := gcs.Start(gcs.Options{Buckets: []gcs.Bucket{{Name: "timbre-state"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = srv.Close() }()
	ctx := context.Background()
	c, err := storage.NewClient(ctx, option.WithEndpoint(srv.URL()+"/storage/v1/"), option.WithoutAuthentication(), storage.WithJSONReads())
	if err != nil {
		fmt.Println(err)
		return
	}
	claim := c.Bucket("timbre-state").Object("claims/33/0000000001.json").If(storage.Conditions{DoesNotExist: true})
	_, first := put(ctx, claim, "mine")
	_, second := put(ctx, claim, "yours")
	fmt.Println(first == nil, status(second) == http.StatusPreconditionFailed, srv.Stats().Get("timbre-state", "objects"))
	// Output: true true 1
}
