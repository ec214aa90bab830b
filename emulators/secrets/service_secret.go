package secrets

import (
	"context"
	"fmt"
	"strings"
	"time"

	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// service answers the gRPC calls. What it does not implement is Unimplemented.
type service struct {
	pb.UnimplementedSecretManagerServiceServer
	vault *vault
}

func (s *service) CreateSecret(_ context.Context, r *pb.CreateSecretRequest) (*pb.Secret, error) {
	name := r.GetParent() + "/secrets/" + r.GetSecretId()
	if !secretName.MatchString(name) {
		return nil, malformed("secret", name)
	}
	if err := refuseUnsupported(r.GetSecret()); err != nil {
		return nil, err
	}
	now := s.vault.now()
	meta := &pb.Secret{
		Name: name, CreateTime: timestamppb.New(now), Etag: etag(now), Replication: r.GetSecret().GetReplication(),
		Labels: r.GetSecret().GetLabels(), Annotations: r.GetSecret().GetAnnotations(),
	}
	err := s.vault.change(name, func(old *secret) (*secret, error) {
		if old != nil {
			return nil, status.Errorf(codes.AlreadyExists, "Secret [%s] already exists.", name)
		}
		return &secret{meta: meta}, nil
	})
	return answer(meta, err)
}

// refuseUnsupported keeps a caller from trusting what is not done here.
func refuseUnsupported(s *pb.Secret) error {
	if s.GetReplication().GetReplication() == nil {
		return status.Error(codes.InvalidArgument, "Secret replication must be specified.")
	}
	rest, ok := proto.Clone(s).(*pb.Secret)
	if !ok {
		return status.Error(codes.Internal, "clone changed the type")
	}
	rest.Name, rest.Etag, rest.CreateTime, rest.Replication, rest.Labels, rest.Annotations = "", "", nil, nil, nil, nil
	if proto.Size(rest) > 0 {
		return status.Errorf(codes.Unimplemented, "Not emulated here: %v", rest)
	}
	return nil
}

func (s *service) GetSecret(_ context.Context, r *pb.GetSecretRequest) (*pb.Secret, error) {
	found, err := s.vault.find(r.GetName())
	if err != nil {
		return nil, err
	}
	return found.meta, nil
}

func (s *service) ListSecrets(_ context.Context, r *pb.ListSecretsRequest) (*pb.ListSecretsResponse, error) {
	if !projectName.MatchString(r.GetParent()) {
		return nil, malformed("project", r.GetParent())
	}
	if r.GetFilter() != "" {
		return nil, status.Error(codes.Unimplemented, "Filters are not emulated here.")
	}
	var all []*pb.Secret
	for _, name := range s.vault.names() {
		if found := s.vault.get(name); found != nil && strings.HasPrefix(name, r.GetParent()+"/") {
			all = append(all, found.meta)
		}
	}
	page, next, err := paginate(all, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &pb.ListSecretsResponse{Secrets: page, NextPageToken: next, TotalSize: int32(len(all))}, nil //nolint:gosec // far below 2^31
}

func (s *service) DeleteSecret(_ context.Context, r *pb.DeleteSecretRequest) (*emptypb.Empty, error) {
	if !secretName.MatchString(r.GetName()) {
		return nil, malformed("secret", r.GetName())
	}
	err := s.vault.change(r.GetName(), func(old *secret) (*secret, error) {
		if old == nil {
			return nil, noSecret(r.GetName())
		}
		return nil, checkEtag(r.GetEtag(), old.meta.GetEtag())
	})
	return answer(&emptypb.Empty{}, err)
}

func etag(t time.Time) string { return fmt.Sprintf("%q", fmt.Sprintf("%x", t.UnixNano())) }

func checkEtag(want, have string) error {
	if want != "" && want != have {
		return status.Error(codes.FailedPrecondition, "The etag provided in the request does not match the resource's current etag.")
	}
	return nil
}

// answer gives m back if there is no error, and no error but a status.
func answer[M proto.Message](m M, err error) (M, error) {
	var none M
	if err == nil {
		return m, nil
	}
	if _, ok := status.FromError(err); ok {
		return none, err
	}
	return none, status.Error(codes.Internal, err.Error())
}
