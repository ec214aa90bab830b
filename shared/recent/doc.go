// Package recent keeps values that were loaded a short while ago, so that a function need not read the
// same configuration, secret or key on every request. Requests that miss the same value wait for one
// load. Values are shared between callers, who must not change them.
package recent
