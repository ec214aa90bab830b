package secrets_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"timbre/emulators/secrets"
)

const project = "projects/timbre"

func TestMain(m *testing.M) {
	if os.Getenv(crashEnv) != "" {
		os.Exit(serveUntilKilled())
	}
	os.Exit(m.Run())
}

func start(tb testing.TB, opt secrets.Options) *secrets.Server {
	tb.Helper()
	srv, err := secrets.Start(opt)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := srv.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return srv
}

func client(tb testing.TB, addr string) *secretmanager.Client {
	tb.Helper()
	c, err := secretmanager.NewClient(context.Background(), option.WithEndpoint(addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		tb.Fatal(err)
	}
	c.CallOptions.AccessSecretVersion = nil // no retries: a test wants to see the first answer
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// both runs a test in memory and on disk.
func both(t *testing.T, test func(t *testing.T, c *secretmanager.Client)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, client(t, start(t, secrets.Options{}).Addr()))
	})
	t.Run("disk", func(t *testing.T) {
		t.Parallel()
		test(t, client(t, start(t, secrets.Options{Dir: t.TempDir()}).Addr()))
	})
}

func automatic() *pb.Replication {
	return &pb.Replication{Replication: &pb.Replication_Automatic_{Automatic: &pb.Replication_Automatic{}}}
}

func create(ctx context.Context, c *secretmanager.Client, id string) (*pb.Secret, error) {
	return c.CreateSecret(ctx, &pb.CreateSecretRequest{
		Parent: project, SecretId: id, Secret: &pb.Secret{Replication: automatic(), Labels: map[string]string{"rut": "76192083-9"}},
	})
}

func add(ctx context.Context, c *secretmanager.Client, id, payload string) (*pb.SecretVersion, error) {
	return c.AddSecretVersion(ctx, &pb.AddSecretVersionRequest{
		Parent: project + "/secrets/" + id, Payload: &pb.SecretPayload{Data: []byte(payload)},
	})
}

// access returns the name of the version and its payload.
func access(ctx context.Context, c *secretmanager.Client, id, number string) (string, string, error) {
	r, err := c.AccessSecretVersion(ctx, &pb.AccessSecretVersionRequest{Name: versionName(id, number)})
	return r.GetName(), string(r.GetPayload().GetData()), err
}

func versionName(id, number string) string {
	return fmt.Sprintf("%s/secrets/%s/versions/%s", project, id, number)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func wantCode(tb testing.TB, what string, err error, want codes.Code) {
	tb.Helper()
	if status.Code(unwrapAPI(err)) != want {
		tb.Errorf("%s: %v, want %v", what, err, want)
	}
}

// unwrapAPI finds the status below the client's own error type.
func unwrapAPI(err error) error {
	var s interface{ GRPCStatus() *status.Status }
	if errors.As(err, &s) {
		return s.GRPCStatus().Err()
	}
	return err
}
