// Package secret keeps certificates, CAFs and passwords in Secret Manager. SECRET_MANAGER_EMULATOR_HOST
// names an emulator, since the official client reads no variable for one.
//
// A Secret Manager that cannot be reached, or is overloaded, is problem.Unavailable wherever the error
// comes to the edge; a version that does not exist is company.ErrSecret.
package secret

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"path"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"timbre/shared/company"
	"timbre/shared/problem"
)

// ErrCorrupt says that a payload does not have the checksum that it came with.
var ErrCorrupt = errors.New("secret: payload is corrupt")

const (
	// callTimeout bounds a call with the client's own retries, so that callers hear of an outage.
	callTimeout = 10 * time.Second
	retryAfter  = 5 * time.Second
)

// Manager is a project's Secret Manager.
type Manager struct {
	client  *secretmanager.Client
	project string
}

// New connects to a project; emulator is the address of one, "" for the real service.
func New(ctx context.Context, project, emulator string) (*Manager, error) {
	var options []option.ClientOption
	if emulator != "" {
		options = []option.ClientOption{
			option.WithEndpoint(emulator), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		}
	}
	client, err := secretmanager.NewClient(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to Secret Manager: %w", err)
	}
	return &Manager{client: client, project: project}, nil
}

// Close gives the connection back.
func (m *Manager) Close() error { return m.client.Close() }

// Add stores a new version of a secret, which is made if it is not there, and tells the version's number.
func (m *Manager) Add(ctx context.Context, name string, data []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request := &secretmanagerpb.AddSecretVersionRequest{
		Parent:  m.path(name),
		Payload: &secretmanagerpb.SecretPayload{Data: data, DataCrc32C: checksum(data)},
	}
	version, err := m.client.AddSecretVersion(ctx, request)
	if status.Code(err) == codes.NotFound {
		if err := m.create(ctx, name); err != nil {
			return "", fmt.Errorf("create secret %s: %w", name, meaning(err))
		}
		version, err = m.client.AddSecretVersion(ctx, request)
	}
	if err != nil {
		return "", fmt.Errorf("add a version of secret %s: %w", name, meaning(err))
	}
	return path.Base(version.GetName()), nil
}

// Access reads a version of a secret.
func (m *Manager) Access(ctx context.Context, name, version string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := m.client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{
		Name: m.path(name) + "/versions/" + version,
	})
	if err != nil {
		return nil, fmt.Errorf("access version %s of secret %s: %w", version, name, meaning(err))
	}
	payload := answer.GetPayload()
	if payload.DataCrc32C != nil && *payload.DataCrc32C != *checksum(payload.GetData()) {
		return nil, fmt.Errorf("%w: version %s of %s", ErrCorrupt, version, name)
	}
	return payload.GetData(), nil
}

// Delete destroys a secret with all its versions; one that is not there is success.
func (m *Manager) Delete(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := m.client.DeleteSecret(ctx, &secretmanagerpb.DeleteSecretRequest{Name: m.path(name)})
	if err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("delete secret %s: %w", name, meaning(err))
	}
	return nil
}

// Check tells whether Secret Manager answers and lets this function read.
func (m *Manager) Check(ctx context.Context) error { return company.CheckSecrets(ctx, m) }

func (m *Manager) create(ctx context.Context, name string) error {
	_, err := m.client.CreateSecret(ctx, &secretmanagerpb.CreateSecretRequest{
		Parent:   "projects/" + m.project,
		SecretId: name,
		Secret: &secretmanagerpb.Secret{Replication: &secretmanagerpb.Replication{
			Replication: &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}},
		}},
	})
	if status.Code(err) == codes.AlreadyExists {
		return nil
	}
	return err
}

// meaning tells outages, which pass, and secrets that are not there from other errors.
func meaning(err error) error {
	switch status.Code(err) {
	case codes.NotFound:
		return fmt.Errorf("%w: %w", company.ErrSecret, err)
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted, codes.Internal, codes.Unknown:
		return &problem.Error{Code: problem.Unavailable, RetryAfter: retryAfter, Cause: err}
	}
	return err
}

func (m *Manager) path(name string) string { return "projects/" + m.project + "/secrets/" + name }

func checksum(data []byte) *int64 {
	sum := int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	return &sum
}
