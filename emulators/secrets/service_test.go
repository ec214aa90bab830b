package secrets_test

import (
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"timbre/emulators/secrets"
)

func TestSecrets(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *secretmanager.Client) {
		t.Helper()
		ctx := t.Context()
		name := project + "/secrets/cert-1"
		_, err := c.GetSecret(ctx, &pb.GetSecretRequest{Name: name})
		wantCode(t, "get of nothing", err, codes.NotFound)
		made := must(create(ctx, c, "cert-1"))(t)
		got := must(c.GetSecret(ctx, &pb.GetSecretRequest{Name: name}))(t)
		if diff := cmp.Diff(made, got, protocmp.Transform()); diff != "" || got.GetName() != name || got.GetLabels()["rut"] == "" {
			t.Errorf("%v: %s", got, diff)
		}
		_, err = create(ctx, c, "cert-1")
		wantCode(t, "second create", err, codes.AlreadyExists)
		err = c.DeleteSecret(ctx, &pb.DeleteSecretRequest{Name: name, Etag: `"other"`})
		wantCode(t, "delete with another etag", err, codes.FailedPrecondition)
		err = c.DeleteSecret(ctx, &pb.DeleteSecretRequest{Name: name, Etag: made.GetEtag()})
		wantCode(t, "delete", err, codes.OK)
		err = c.DeleteSecret(ctx, &pb.DeleteSecretRequest{Name: name})
		wantCode(t, "second delete", err, codes.NotFound)
		_, err = add(ctx, c, "cert-1", "x")
		wantCode(t, "add to nothing", err, codes.NotFound)
	})
}

func TestVersions(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *secretmanager.Client) {
		t.Helper()
		ctx := t.Context()
		must(create(ctx, c, "caf"))(t)
		_, _, err := access(ctx, c, "caf", "latest")
		wantCode(t, "latest of none", err, codes.NotFound)
		for i, payload := range []string{"first", "second\x00\xff"} {
			v := must(add(ctx, c, "caf", payload))(t)
			number := string(rune('1' + i))
			if v.GetName() != versionName("caf", number) || v.GetState() != pb.SecretVersion_ENABLED {
				t.Errorf("version %v", v)
			}
			for _, asked := range []string{number, "latest"} {
				name, got, err := access(ctx, c, "caf", asked)
				if err != nil || got != payload || name != versionName("caf", number) {
					t.Errorf("access of %s: %s %q, %v", asked, name, got, err)
				}
			}
		}
		for _, asked := range []string{"3", "999999999"} {
			_, _, err = access(ctx, c, "caf", asked)
			wantCode(t, "access of "+asked, err, codes.NotFound)
		}
		for _, asked := range []string{"0", "x", "-1", "1/x", ""} {
			_, _, err = access(ctx, c, "caf", asked)
			wantCode(t, "access of "+asked, err, codes.InvalidArgument)
		}
		latest := must(c.GetSecretVersion(ctx, &pb.GetSecretVersionRequest{Name: versionName("caf", "latest")}))(t)
		if latest.GetName() != versionName("caf", "2") {
			t.Errorf("latest is %v", latest)
		}
	})
}

func TestStates(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *secretmanager.Client) {
		t.Helper()
		ctx, name := t.Context(), versionName("s", "1")
		must(create(ctx, c, "s"))(t)
		first := must(add(ctx, c, "s", "payload"))(t)
		_, err := c.DisableSecretVersion(ctx, &pb.DisableSecretVersionRequest{Name: name, Etag: `"other"`})
		wantCode(t, "disable with another etag", err, codes.FailedPrecondition)
		disabled := must(c.DisableSecretVersion(ctx, &pb.DisableSecretVersionRequest{Name: name, Etag: first.GetEtag()}))(t)
		if disabled.GetState() != pb.SecretVersion_DISABLED {
			t.Errorf("state = %v", disabled.GetState())
		}
		for _, asked := range []string{"1", "latest"} {
			_, _, err = access(ctx, c, "s", asked)
			wantCode(t, "access of a disabled version", err, codes.FailedPrecondition)
		}
		must(c.EnableSecretVersion(ctx, &pb.EnableSecretVersionRequest{Name: name}))(t)
		if _, got, err := access(ctx, c, "s", "1"); err != nil || got != "payload" {
			t.Errorf("enabled again: %q, %v", got, err)
		}
		destroyed := must(c.DestroySecretVersion(ctx, &pb.DestroySecretVersionRequest{Name: name}))(t)
		if destroyed.GetState() != pb.SecretVersion_DESTROYED || destroyed.GetDestroyTime() == nil {
			t.Errorf("destroyed: %v", destroyed)
		}
		_, _, err = access(ctx, c, "s", "1")
		wantCode(t, "access of a destroyed version", err, codes.FailedPrecondition)
		_, err = c.EnableSecretVersion(ctx, &pb.EnableSecretVersionRequest{Name: name})
		wantCode(t, "enable a destroyed version", err, codes.FailedPrecondition)
		_, err = c.DestroySecretVersion(ctx, &pb.DestroySecretVersionRequest{Name: versionName("s", "2")})
		wantCode(t, "destroy of nothing", err, codes.NotFound)
	})
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	c := client(t, start(t, secrets.Options{}).Addr())
	must(create(t.Context(), c, "s"))(t)
	sum := int64(crc32.Checksum([]byte("abc"), crc32.MakeTable(crc32.Castagnoli)))
	tests := []struct {
		name    string
		payload *pb.SecretPayload
		want    codes.Code
	}{
		{"plain", &pb.SecretPayload{Data: []byte("abc")}, codes.OK},
		{"with checksum", &pb.SecretPayload{Data: []byte("abc"), DataCrc32C: &sum}, codes.OK},
		{"wrong checksum", &pb.SecretPayload{Data: []byte("abd"), DataCrc32C: &sum}, codes.InvalidArgument},
		{"empty", &pb.SecretPayload{}, codes.InvalidArgument},
		{"none", nil, codes.InvalidArgument},
		{"64 KiB", &pb.SecretPayload{Data: make([]byte, 64<<10)}, codes.OK},
		{"one more", &pb.SecretPayload{Data: make([]byte, 64<<10+1)}, codes.InvalidArgument},
	}
	for _, tt := range tests {
		v, err := c.AddSecretVersion(t.Context(), &pb.AddSecretVersionRequest{Parent: project + "/secrets/s", Payload: tt.payload})
		wantCode(t, tt.name, err, tt.want)
		if tt.want != codes.OK {
			continue
		}
		if v.GetClientSpecifiedPayloadChecksum() != (tt.payload.DataCrc32C != nil) {
			t.Errorf("%s: client_specified_payload_checksum = %v", tt.name, v.GetClientSpecifiedPayloadChecksum())
		}
		got := must(c.AccessSecretVersion(t.Context(), &pb.AccessSecretVersionRequest{Name: v.GetName()}))(t).GetPayload()
		want := proto.Int64(int64(crc32.Checksum(tt.payload.GetData(), crc32.MakeTable(crc32.Castagnoli))))
		if diff := cmp.Diff(&pb.SecretPayload{Data: tt.payload.GetData(), DataCrc32C: want}, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	c := client(t, start(t, secrets.Options{}).Addr())
	tests := []struct {
		name string
		req  *pb.CreateSecretRequest
		want codes.Code
	}{
		{"no replication", &pb.CreateSecretRequest{Parent: project, SecretId: "s", Secret: &pb.Secret{}}, codes.InvalidArgument},
		{"no id", &pb.CreateSecretRequest{Parent: project, Secret: &pb.Secret{Replication: automatic()}}, codes.InvalidArgument},
		{"bad id", &pb.CreateSecretRequest{Parent: project, SecretId: "a/b", Secret: &pb.Secret{Replication: automatic()}}, codes.InvalidArgument},
		{"long id", &pb.CreateSecretRequest{Parent: project, SecretId: strings.Repeat("x", 256), Secret: &pb.Secret{Replication: automatic()}}, codes.InvalidArgument},
		{"bad parent", &pb.CreateSecretRequest{Parent: "timbre", SecretId: "s", Secret: &pb.Secret{Replication: automatic()}}, codes.InvalidArgument},
		{"aliases", &pb.CreateSecretRequest{Parent: project, SecretId: "s", Secret: &pb.Secret{
			Replication: automatic(), VersionAliases: map[string]int64{"prod": 1},
		}}, codes.Unimplemented},
	}
	for _, tt := range tests {
		_, err := c.CreateSecret(t.Context(), tt.req)
		wantCode(t, tt.name, err, tt.want)
	}
	_, err := c.UpdateSecret(t.Context(), &pb.UpdateSecretRequest{Secret: &pb.Secret{Name: project + "/secrets/s"}})
	wantCode(t, "update", err, codes.Unimplemented)
	_, err = c.ListSecrets(t.Context(), &pb.ListSecretsRequest{Parent: project, Filter: "name:x"}).Next()
	wantCode(t, "filter", err, codes.Unimplemented)
	_, err = c.ListSecrets(t.Context(), &pb.ListSecretsRequest{Parent: project, PageToken: "x"}).Next()
	wantCode(t, "page token", err, codes.InvalidArgument)
}

func TestListings(t *testing.T) {
	t.Parallel()
	c := client(t, start(t, secrets.Options{}).Addr())
	ctx := t.Context()
	for _, id := range []string{"c", "a", "b"} {
		must(create(ctx, c, id))(t)
	}
	for range 2 {
		must(add(ctx, c, "a", "x"))(t)
	}
	must(c.CreateSecret(ctx, &pb.CreateSecretRequest{Parent: project + "2", SecretId: "z", Secret: &pb.Secret{Replication: automatic()}}))(t)
	var ids, numbers []string
	for it := c.ListSecrets(ctx, &pb.ListSecretsRequest{Parent: project, PageSize: 2}); ; {
		s, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		ids = append(ids, must(s, err)(t).GetName())
	}
	for it := c.ListSecretVersions(ctx, &pb.ListSecretVersionsRequest{Parent: project + "/secrets/a", PageSize: 1}); ; {
		v, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		numbers = append(numbers, must(v, err)(t).GetName())
	}
	wantIDs := []string{project + "/secrets/a", project + "/secrets/b", project + "/secrets/c"}
	if diff := cmp.Diff(wantIDs, ids); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{versionName("a", "2"), versionName("a", "1")}, numbers); diff != "" {
		t.Error(diff)
	}
	_, err := c.ListSecretVersions(ctx, &pb.ListSecretVersionsRequest{Parent: project + "/secrets/none"}).Next()
	wantCode(t, "versions of nothing", err, codes.NotFound)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	r, err := http.Get(start(t, secrets.Options{}).AdminURL() + "/health")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if err := errors.Join(err, r.Body.Close()); err != nil || r.StatusCode != http.StatusOK || string(text) != `{"status":"ok"}` {
		t.Errorf("%d %s, %v", r.StatusCode, text, err)
	}
}
