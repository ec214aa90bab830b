package secrets

import (
	"regexp"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	projectName = regexp.MustCompile(`^projects/[^/]+$`)
	secretName  = regexp.MustCompile(`^projects/[^/]+/secrets/[A-Za-z0-9_-]{1,255}$`)
	versionName = regexp.MustCompile(`^(projects/[^/]+/secrets/[A-Za-z0-9_-]{1,255})/versions/([1-9][0-9]{0,8}|latest)$`)
)

func malformed(kind, name string) error {
	return status.Errorf(codes.InvalidArgument, "%q is not the name of a %s.", name, kind)
}

// find returns the secret called name.
func (v *vault) find(name string) (*secret, error) {
	if !secretName.MatchString(name) {
		return nil, malformed("secret", name)
	}
	s := v.get(name)
	if s == nil {
		return nil, noSecret(name)
	}
	return s, nil
}

func noSecret(name string) error {
	return status.Errorf(codes.NotFound, "Secret [%s] not found.", name)
}

// splitVersion returns the secret's name and the version as written.
func splitVersion(name string) (string, string, error) {
	m := versionName.FindStringSubmatch(name)
	if m == nil {
		return "", "", malformed("secret version", name)
	}
	return m[1], m[2], nil
}

// at returns the place of a version in s; "latest" is the newest, whatever its
// state.
func (s *secret) at(number string) (int, error) {
	n := len(s.versions)
	if number != "latest" {
		parsed, err := strconv.Atoi(number)
		if err != nil {
			return 0, malformed("secret version", number)
		}
		n = parsed
	}
	if n < 1 || n > len(s.versions) {
		return 0, status.Errorf(codes.NotFound, "Secret Version [%s/versions/%s] not found.", s.meta.GetName(), number)
	}
	return n - 1, nil
}
