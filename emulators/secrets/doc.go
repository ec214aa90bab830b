// Package secrets stands in for Google Secret Manager: the part of its gRPC API
// that the product uses, for the official client.
//
// With Options.Dir every acknowledged change survives kill -9; without it the
// secrets live in memory. Payloads are not encrypted at rest: this is for
// development and tests only.
//
// Google has no environment variable for an emulator of this service; the
// product reads its own, SECRET_MANAGER_EMULATOR_HOST, and connects like this:
//
//	secretmanager.NewClient(ctx, option.WithEndpoint(srv.Addr()), option.WithoutAuthentication(),
//		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
//
// README.md lists the environment and what is left out.
package secrets
