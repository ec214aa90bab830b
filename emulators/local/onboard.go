package local

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
)

// onboardAll makes the companies known with the bootstrap key and returns a key for all of them and all
// scopes: the one in keyFile if it still opens them, else a new one, left there.
func onboardAll(ctx context.Context, bootstrap *Client, world string, companies []Company, keyFile string) (string, error) {
	ruts := make([]string, 0, len(companies))
	for _, c := range companies {
		if err := c.onboard(ctx, bootstrap, world); err != nil {
			return "", fmt.Errorf("onboard company %s: %w", c.ID, err)
		}
		ruts = append(ruts, c.RUT)
	}
	kept, err := os.ReadFile(keyFile) //nolint:gosec // our own file
	if err == nil && opensAll(ctx, NewClient(bootstrap.Base, string(kept)), ruts) {
		return string(kept), nil
	}
	key, err := makeKey(ctx, bootstrap, ruts)
	if err != nil {
		return "", fmt.Errorf("make an API key: %w", err)
	}
	return key, os.WriteFile(keyFile, []byte(key), 0o600)
}

func makeKey(ctx context.Context, bootstrap *Client, ruts []string) (string, error) {
	answer, err := bootstrap.Call(ctx, http.MethodPost, "/v1/companies/"+ruts[0]+"/keys",
		map[string]any{"ruts": ruts, "scopes": []string{"issue", "read", "receive", "admin"}})
	if err != nil {
		return "", err
	}
	var made struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(answer, &made); err != nil || made.Key == "" {
		return "", fmt.Errorf("the answer holds none (%w)", err)
	}
	return made.Key, nil
}

func opensAll(ctx context.Context, client *Client, ruts []string) bool {
	return !slices.ContainsFunc(ruts, func(r string) bool {
		_, err := client.Call(ctx, http.MethodGet, "/v1/companies/"+r+"/folios", nil)
		return err != nil
	})
}
