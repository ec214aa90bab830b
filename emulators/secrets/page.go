package secrets

import (
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const maxPage = 25_000 // Secret Manager: page_size is capped at it

// paginate cuts a page out of all; the token is the place of its first item.
func paginate[T any](all []T, size int32, token string) (page []T, next string, err error) {
	from := 0
	if token != "" {
		from, err = strconv.Atoi(token)
	}
	if err != nil || from < 0 || size < 0 {
		return nil, "", status.Error(codes.InvalidArgument, "Invalid page token or size.")
	}
	if size == 0 || size > maxPage {
		size = maxPage
	}
	from = min(from, len(all))
	to := min(from+int(size), len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[from:to], next, nil
}
