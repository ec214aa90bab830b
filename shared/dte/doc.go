// Package dte is the model of a tax document: from the caller's JSON to the signed bytes.
package dte
