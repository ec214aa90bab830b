package secrets_test

import (
	"context"
	"fmt"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"timbre/emulators/secrets"
)

func ExampleStart() {
	srv, err := secrets.Start(secrets.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = srv.Close() }()
	ctx := context.Background()
	c, err := secretmanager.NewClient(ctx, option.WithEndpoint(srv.Addr()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, errCreate := create(ctx, c, "caf-76192083-9-33")
	_, errAdd := add(ctx, c, "caf-76192083-9-33", "<AUTORIZACION/>")
	name, payload, errAccess := access(ctx, c, "caf-76192083-9-33", "latest")
	fmt.Println(name, payload, errCreate, errAdd, errAccess)
	// Output: projects/timbre/secrets/caf-76192083-9-33/versions/1 <AUTORIZACION/> <nil> <nil> <nil>
}
