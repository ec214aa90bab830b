package pubsub_test

import (
	"context"
	"fmt"
	"log"
	"os"

	client "cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"timbre/emulators/pubsub"
)

func ExampleStart() {
	dir, err := os.MkdirTemp("", "pubsub")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	server, err := pubsub.Start(pubsub.Options{Dir: dir, Config: pubsub.Config{
		Project:       "demo",
		Topics:        []string{"dte-signed"},
		Subscriptions: []pubsub.Subscription{{Name: "looker", Topic: "dte-signed"}},
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = server.Close() }()

	ctx := context.Background()
	c, err := client.NewClient(ctx, "demo", option.WithEndpoint(server.Addr()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Publisher("dte-signed").Publish(ctx, &client.Message{Data: []byte("folio 1")}).Get(ctx); err != nil {
		log.Fatal(err)
	}
	answer, err := c.SubscriptionAdminClient.Pull(ctx, &pubsubpb.PullRequest{Subscription: "projects/demo/subscriptions/looker", MaxMessages: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(answer.GetReceivedMessages()[0].GetMessage().GetData()))
	// Output: folio 1
}
