package problem

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"
)

// RequestIDHeader carries the request's id; serve sets it on the answer before the handler runs.
const RequestIDHeader = "X-Request-Id"

// MediaType is that of a problem document.
const MediaType = "application/problem+json"

// Write answers an error and logs it: Error for ours with its text, Warn for the caller's with codes only.
func Write(w http.ResponseWriter, r *http.Request, err error, logger *slog.Logger) {
	e := Of(err)
	report(r, e, err, logger)
	text, encodeErr := json.Marshal(BodyOf(err, w.Header().Get(RequestIDHeader)))
	if encodeErr != nil {
		logger.ErrorContext(r.Context(), "encode a problem", "error", encodeErr)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", MediaType)
	header.Set("Cache-Control", "no-store")
	if e.Code == Unauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	if e.RetryAfter > 0 {
		header.Set("Retry-After", retryAfter(e.RetryAfter))
	}
	w.WriteHeader(e.Code.Status())
	_, _ = w.Write(text) // a caller that has gone away needs no answer
}

func retryAfter(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

func report(r *http.Request, e *Error, err error, logger *slog.Logger) {
	if e.Code.Status() >= http.StatusInternalServerError {
		logger.ErrorContext(r.Context(), "request failed", "problem", e.Code, "error", err)
		return
	}
	attrs := []any{"problem", e.Code}
	if e.Code == Unauthorized || e.Code == Forbidden { // the caller is not told why
		attrs = append(attrs, "error", e.Cause)
	}
	if len(e.Errors) > 0 {
		attrs = append(attrs, "faults", faultCodes(e.Errors))
	}
	logger.WarnContext(r.Context(), "request refused", attrs...)
}

func faultCodes(faults []Field) []string {
	codes := make([]string, len(faults))
	for i, f := range faults {
		codes[i] = f.Code
	}
	return codes
}
