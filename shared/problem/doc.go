// Package problem makes the error answers of the API: RFC 9457 documents (application/problem+json)
// as API.md lays down, from one table of codes.
//
// Code below the edge of a function answers a *Error (or an error of its own that the edge turns into
// one); the edge hands it to Write. What is not a *Error is an internal fault: 500 with a fixed
// sentence, its text only in the log. Codes are stable English, titles and details are Spanish, since
// the reader is a person in Chile at an ERP.
package problem
