package secrets

import (
	"cmp"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const maxPage = 25_000 // Secret Manager: page_size is capped at it

// paginate cuts a page out of all and returns the token of the next; a token is
// the place of a page's first item.
func paginate[T any](all []T, size int32, token string) ([]T, string, error) {
	from, err := strconv.Atoi(cmp.Or(token, "0"))
	if err != nil || from < 0 || size < 0 {
		return nil, "", status.Error(codes.InvalidArgument, "Invalid page token or size.")
	}
	if size == 0 || size > maxPage {
		size = maxPage
	}
	from = min(from, len(all))
	to := min(from+int(size), len(all))
	if to == len(all) {
		return all[from:], "", nil
	}
	return all[from:to], strconv.Itoa(to), nil
}
