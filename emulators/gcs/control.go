package gcs

import (
	"encoding/json"
	"net/http"
)

func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /_control/dials":
		writeJSON(w, http.StatusOK, s.Dials())
	case "POST /_control/dials":
		s.turnDials(w, r)
	case "GET /_control/stats":
		writeJSON(w, http.StatusOK, s.Stats())
	case "DELETE /_control/stats":
		s.ResetStats()
		w.WriteHeader(http.StatusNoContent)
	default:
		writeError(w, unknownRoute(r))
	}
}

func (s *Server) turnDials(w http.ResponseWriter, r *http.Request) {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxResource))
	dec.DisallowUnknownFields()
	d, err := s.panel.merge(dec)
	if err != nil {
		writeError(w, invalid("%v", err))
		return
	}
	writeJSON(w, http.StatusOK, d)
}
