package crash

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"timbre/emulators/audit"
	"timbre/emulators/local"
)

// refuseShare of the webhooks are answered 500, half of them though they were taken.
const refuseShare = 0.01

// receiver is what the companies' webhooks lead to. It takes what is signed, notes it, and fails now and then.
type receiver struct {
	dice    *dice
	journal *audit.Journal

	mu      sync.Mutex
	secrets map[string]string // by company

	taken, failed, forged atomic.Int64
}

// ServeHTTP takes /{company}.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	company := strings.TrimPrefix(req.URL.Path, "/")
	body, err := io.ReadAll(req.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // who posted died
	}
	if !r.signed(company, req.Header, body) {
		r.forged.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	refused := r.dice.chance(refuseShare)
	if refused && r.dice.chance(0.5) {
		r.failed.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if err := r.note(body); err != nil {
		refused = true
	}
	if refused {
		r.failed.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// signed checks v1=<hex HMAC-SHA256(secret, timestamp + "." + body)>.
func (r *receiver) signed(company string, h http.Header, body []byte) bool {
	r.mu.Lock()
	secret := r.secrets[company]
	r.mu.Unlock()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(h.Get("DTE-Timestamp") + "."))
	mac.Write(body)
	want := "v1=" + hex.EncodeToString(mac.Sum(nil))
	for _, part := range strings.Split(h.Get("DTE-Signature"), ",") {
		if hmac.Equal([]byte(strings.TrimSpace(part)), []byte(want)) {
			return secret != ""
		}
	}
	return false
}

func (r *receiver) note(body []byte) error {
	var n struct {
		ID    string `json:"id"`
		Event string `json:"event"`
		Data  struct {
			Company     string `json:"company"`
			Environment string `json:"environment"`
			Type        int    `json:"type"`
			Folio       int64  `json:"folio"`
			Status      string `json:"status"`
			Seq         int    `json:"seq"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &n); err != nil {
		return err
	}
	r.taken.Add(1)
	d := n.Data
	return r.journal.AddDelivery(audit.Delivery{
		ID: n.ID, Event: n.Event, Environment: d.Environment, Company: d.Company, Type: d.Type, Folio: d.Folio, Status: d.Status, Seq: d.Seq,
	})
}

// subscribe gives each company a webhook, and the first one boletas that go to the service of their own.
func (c *cluster) subscribe(ctx context.Context, client *local.Client) error {
	address, err := c.serve(c.receiver)
	if err != nil {
		return err
	}
	for n, company := range c.companies {
		path := "/v1/companies/" + company.RUT
		_, err := client.Call(ctx, http.MethodPut, path, object{
			"RznSoc": company.RznSoc, "GiroEmis": company.Giro, "Acteco": []string{strconv.Itoa(company.Acteco)},
			"DirOrigen": company.Direccion, "CmnaOrigen": company.Comuna, "CiudadOrigen": company.Ciudad, "active": "certificacion",
			"certificacion": object{"FchResol": company.FchResol, "NroResol": company.NroResol},
			"webhook_url":   address + "/" + company.RUT, "boletas_rest": n == 0,
		})
		if err != nil {
			return fmt.Errorf("subscribe %s: %w", company.RUT, err)
		}
		answer, err := client.Call(ctx, http.MethodPost, path+"/webhook:rotate", nil)
		var made struct {
			Secret string `json:"secret"`
		}
		if err := errors.Join(err, json.Unmarshal(answer, &made)); err != nil {
			return fmt.Errorf("make a secret for %s: %w", company.RUT, err)
		}
		c.receiver.mu.Lock()
		c.receiver.secrets[company.RUT] = made.Secret
		c.receiver.mu.Unlock()
	}
	return nil
}
