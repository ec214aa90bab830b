// Package oidc is a local issuer of Google-like ID tokens.
//
// Pub/Sub push and Cloud Scheduler sign each request with an ID token of a
// service account; the product verifies it in the application with
// google.golang.org/api/idtoken. This package mints such tokens with a key of
// its own and publishes the key in the form of Google's certificates URL
// (https://www.googleapis.com/oauth2/v3/certs), so that the product's
// verification runs unchanged on one machine.
//
// It is not an OAuth server: there is no discovery document, no login and no
// rotation. Several processes share one key by opening the same folder.
//
// Claims follow OpenID Connect Core 1.0, section 2, and Google's "Authenticate
// for push subscriptions" (aud, email, email_verified, exp, iat, iss, sub, azp).
package oidc
