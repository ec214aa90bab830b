package secrets

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"

	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const maxPayload = 64 << 10 // Secret Manager quotas: size of a payload

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(payload []byte) int64 { return int64(crc32.Checksum(payload, castagnoli)) }

func (s *service) AddSecretVersion(_ context.Context, r *pb.AddSecretVersionRequest) (*pb.SecretVersion, error) {
	if !secretName.MatchString(r.GetParent()) {
		return nil, malformed("secret", r.GetParent())
	}
	if err := checkPayload(r.GetPayload()); err != nil {
		return nil, err
	}
	var added *pb.SecretVersion
	err := s.vault.change(r.GetParent(), func(old *secret) (*secret, error) {
		if old == nil {
			return nil, noSecret(r.GetParent())
		}
		added = s.newVersion(old, r.GetPayload())
		versions := append(slices.Clone(old.versions), version{meta: added, payload: r.GetPayload().GetData()})
		return &secret{meta: old.meta, versions: versions}, nil
	})
	return answer(added, err)
}

func checkPayload(p *pb.SecretPayload) error {
	switch {
	case len(p.GetData()) == 0:
		return status.Error(codes.InvalidArgument, "Secret Payload cannot be empty.")
	case len(p.GetData()) > maxPayload:
		return status.Errorf(codes.InvalidArgument, "The payload is larger than %d bytes.", maxPayload)
	case p.DataCrc32C != nil && p.GetDataCrc32C() != checksum(p.GetData()):
		return status.Error(codes.InvalidArgument, "The checksum of the payload does not match its data.")
	}
	return nil
}

func (s *service) newVersion(old *secret, p *pb.SecretPayload) *pb.SecretVersion {
	now := s.vault.now()
	return &pb.SecretVersion{
		Name:       fmt.Sprintf("%s/versions/%d", old.meta.GetName(), len(old.versions)+1),
		CreateTime: timestamppb.New(now), Etag: etag(now), State: pb.SecretVersion_ENABLED,
		ClientSpecifiedPayloadChecksum: p.DataCrc32C != nil,
	}
}

func (s *service) findVersion(name string) (version, error) {
	parent, number, err := splitVersion(name)
	if err != nil {
		return version{}, err
	}
	found, err := s.vault.find(parent)
	if err != nil {
		return version{}, err
	}
	at, err := found.at(number)
	if err != nil {
		return version{}, err
	}
	return found.versions[at], nil
}

func (s *service) GetSecretVersion(_ context.Context, r *pb.GetSecretVersionRequest) (*pb.SecretVersion, error) {
	found, err := s.findVersion(r.GetName())
	return found.meta, err
}

func (s *service) AccessSecretVersion(_ context.Context, r *pb.AccessSecretVersionRequest) (*pb.AccessSecretVersionResponse, error) {
	found, err := s.findVersion(r.GetName())
	if err != nil {
		return nil, err
	}
	if found.meta.GetState() != pb.SecretVersion_ENABLED {
		return nil, wrongState(found.meta)
	}
	return &pb.AccessSecretVersionResponse{
		Name:    found.meta.GetName(),
		Payload: &pb.SecretPayload{Data: found.payload, DataCrc32C: proto.Int64(checksum(found.payload))},
	}, nil
}

func wrongState(v *pb.SecretVersion) error {
	return status.Errorf(codes.FailedPrecondition, "Secret Version [%s] is in %s state.", v.GetName(), v.GetState())
}

// ListSecretVersions gives the newest first.
func (s *service) ListSecretVersions(_ context.Context, r *pb.ListSecretVersionsRequest) (*pb.ListSecretVersionsResponse, error) {
	found, err := s.vault.find(r.GetParent())
	if err != nil {
		return nil, err
	}
	if r.GetFilter() != "" {
		return nil, status.Error(codes.Unimplemented, "Filters are not emulated here.")
	}
	var all []*pb.SecretVersion
	for _, v := range slices.Backward(found.versions) {
		all = append(all, v.meta)
	}
	page, next, err := paginate(all, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &pb.ListSecretVersionsResponse{Versions: page, NextPageToken: next, TotalSize: int32(len(all))}, nil //nolint:gosec // far below 2^31
}

func (s *service) DisableSecretVersion(_ context.Context, r *pb.DisableSecretVersionRequest) (*pb.SecretVersion, error) {
	return s.setState(r.GetName(), r.GetEtag(), pb.SecretVersion_DISABLED)
}

func (s *service) EnableSecretVersion(_ context.Context, r *pb.EnableSecretVersionRequest) (*pb.SecretVersion, error) {
	return s.setState(r.GetName(), r.GetEtag(), pb.SecretVersion_ENABLED)
}

func (s *service) DestroySecretVersion(_ context.Context, r *pb.DestroySecretVersionRequest) (*pb.SecretVersion, error) {
	return s.setState(r.GetName(), r.GetEtag(), pb.SecretVersion_DESTROYED)
}

// setState moves a version between states; from DESTROYED there is no way back.
func (s *service) setState(name, wantEtag string, to pb.SecretVersion_State) (*pb.SecretVersion, error) {
	parent, number, err := splitVersion(name)
	if err != nil {
		return nil, err
	}
	var changed *pb.SecretVersion
	err = s.vault.change(parent, func(old *secret) (*secret, error) {
		if old == nil {
			return nil, noSecret(parent)
		}
		at, err := old.at(number)
		if err != nil {
			return nil, err
		}
		next, err := s.inState(old.versions[at], wantEtag, to)
		changed = next.meta
		versions := slices.Clone(old.versions)
		versions[at] = next
		return &secret{meta: old.meta, versions: versions}, err
	})
	return answer(changed, err)
}

func (s *service) inState(v version, wantEtag string, to pb.SecretVersion_State) (version, error) {
	if err := checkEtag(wantEtag, v.meta.GetEtag()); err != nil {
		return version{}, err
	}
	if v.meta.GetState() == pb.SecretVersion_DESTROYED {
		return version{}, wrongState(v.meta)
	}
	meta, ok := proto.Clone(v.meta).(*pb.SecretVersion)
	if !ok {
		return version{}, status.Error(codes.Internal, "clone changed the type")
	}
	now := s.vault.now()
	meta.State, meta.Etag = to, etag(now)
	if to == pb.SecretVersion_DESTROYED {
		meta.DestroyTime = timestamppb.New(now)
		return version{meta: meta}, nil
	}
	return version{meta: meta, payload: v.payload}, nil
}
