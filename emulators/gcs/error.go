package gcs

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// apiError is an answer in the form of Google's JSON errors.
type apiError struct {
	status   int
	reason   string
	message  string
	domain   string // empty: global
	location string // of a failed condition
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.reason, e.message) }

// errNotModified is what a read answers whose "not match" condition fails.
var errNotModified = &apiError{status: http.StatusNotModified, reason: "notModified"}

func conditionNotMet(param string) error {
	return &apiError{
		status: http.StatusPreconditionFailed, reason: "conditionNotMet", location: param,
		message: "At least one of the pre-conditions you specified did not hold.",
	}
}

func invalid(format string, args ...any) error {
	return &apiError{status: http.StatusBadRequest, reason: "invalid", message: fmt.Sprintf(format, args...)}
}

// notEmulated is a 400, since the clients repeat every 5xx.
func notEmulated(what string) error {
	return &apiError{
		status: http.StatusBadRequest, reason: "notImplemented",
		message: what + " is not emulated here.",
	}
}

func noBucket() error {
	return &apiError{status: http.StatusNotFound, reason: "notFound", message: "The specified bucket does not exist."}
}

func noObject(bucket, name string) error {
	return &apiError{
		status: http.StatusNotFound, reason: "notFound",
		message: fmt.Sprintf("No such object: %s/%s", bucket, name),
	}
}

func retained(bucket, name string, until time.Time) error {
	return &apiError{
		status: http.StatusForbidden, reason: "retentionPolicyNotMet",
		message: fmt.Sprintf("Object '%s/%s' is subject to bucket's retention policy and cannot be deleted or overwritten until %s",
			bucket, name, until.UTC().Format(time.RFC3339Nano)),
	}
}

func tooManyWrites(bucket, name string) error {
	return &apiError{
		status: http.StatusTooManyRequests, reason: "rateLimitExceeded", domain: "usageLimits",
		message: fmt.Sprintf("The object %s/%s exceeded the rate limit for object mutation operations "+
			"(create, update, and delete). Please reduce your request rate.", bucket, name),
	}
}

func unavailable() error {
	return &apiError{status: http.StatusServiceUnavailable, reason: "backendError", message: "Backend Error"}
}

type errorBody struct {
	Error struct {
		Code    int           `json:"code"`
		Message string        `json:"message"`
		Errors  []errorDetail `json:"errors"`
	} `json:"error"`
}

type errorDetail struct {
	Message      string `json:"message"`
	Domain       string `json:"domain"`
	Reason       string `json:"reason"`
	LocationType string `json:"locationType,omitempty"`
	Location     string `json:"location,omitempty"`
}

func writeError(w http.ResponseWriter, err error) {
	var e *apiError
	if !errors.As(err, &e) {
		e = &apiError{status: http.StatusInternalServerError, reason: "internalError", message: err.Error()}
	}
	if e.status == http.StatusNotModified {
		w.WriteHeader(e.status)
		return
	}
	writeJSON(w, e.status, e.body())
}

func (e *apiError) body() errorBody {
	d := errorDetail{Message: e.message, Domain: e.domain, Reason: e.reason, Location: e.location}
	if d.Domain == "" {
		d.Domain = "global"
	}
	if d.Location != "" {
		d.LocationType = "parameter"
	}
	var b errorBody
	b.Error.Code, b.Error.Message, b.Error.Errors = e.status, e.message, []errorDetail{d}
	return b
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that has gone hears nothing
}
