package sii

import (
	"strings"

	"timbre/shared/store"
)

// The services that this package calls, one host an environment.
const (
	pathSeed     = "/DTEWS/CrSeed.jws"
	pathToken    = "/DTEWS/GetTokenFromSeed.jws"
	pathEstUp    = "/DTEWS/QueryEstUp.jws"
	pathEstDte   = "/DTEWS/QueryEstDte.jws"
	pathEstDteAv = "/DTEWS/services/QueryEstDteAv"
	pathMail     = "/DTEWS/services/wsDTECorreo"
	pathUpload   = "/cgi_dte/UPL/DTEUpload"
)

// hosts are those of the SII's developer pages for DTE.
var hosts = map[store.Environment]string{
	store.Certificacion: "maullin.sii.cl",
	store.Produccion:    "palena.sii.cl",
}

// address is where a service is: the real host, or below base, which stands in for the whole SII.
func address(base string, env store.Environment, path string) string {
	return onHost(base, hosts[env], path)
}

// hostOf is the real host in an address that onHost made.
func hostOf(base, url string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(url, base+"/"), "https://"), "/")
	return host
}

func onHost(base, host, path string) string {
	if base == "" {
		return "https://" + host + path
	}
	return base + "/" + host + path
}
