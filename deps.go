// Package timbre is scaffolding: it keeps modules in go.mod until their users exist.
package timbre

import (
	_ "cloud.google.com/go/pubsub/v2"
	_ "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	_ "cloud.google.com/go/secretmanager/apiv1"
	_ "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	_ "cloud.google.com/go/storage"
	_ "github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	_ "github.com/GoogleCloudPlatform/functions-framework-go/functions"
	_ "github.com/beevik/etree"
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/russellhaering/goxmldsig"
	_ "github.com/sethvargo/go-envconfig"
	_ "github.com/shopspring/decimal"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/sync/singleflight"
	_ "golang.org/x/term"
	_ "golang.org/x/text/encoding/charmap"
	_ "golang.org/x/text/unicode/norm"
	_ "google.golang.org/api/idtoken"
	_ "google.golang.org/api/iterator"
	_ "google.golang.org/api/option"
	_ "google.golang.org/grpc"
	_ "google.golang.org/protobuf/proto"
	_ "software.sslmate.com/src/go-pkcs12"
)
