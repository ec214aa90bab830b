package pubsub_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"timbre/emulators/pubsub"
)

func TestPushAsTheServiceSendsIt(t *testing.T) {
	url, pushes := endpoint(t, ok)
	server := start(t, pubsub.Options{Config: config(pubsub.Subscription{
		Endpoint: url, ServiceAccount: account, Audience: "https://send.example", DeadLetterTopic: "dte-signed-dead",
	})})
	t.Setenv("PUBSUB_EMULATOR_HOST", server.Addr()) // the official way to find an emulator
	c, err := client.NewClient(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	id := publish(t, c, &client.Message{Data: []byte("ñandú"), Attributes: map[string]string{"type": "33"}})

	got := <-pushes
	text := regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`).ReplaceAllString(got.text, `"TIME"`)
	want := `{"deliveryAttempt":1,"message":{"attributes":{"type":"33"},"data":"w7FhbmTDug==","messageId":"` + id +
		`","message_id":"` + id + `","publishTime":"TIME","publish_time":"TIME"},"subscription":"` + sub + `"}`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
	if got.header.Get("Content-Type") != "application/json" || !strings.HasPrefix(got.header.Get("User-Agent"), "APIs-Google;") {
		t.Errorf("headers %v", got.header)
	}
	checkToken(t, got.header.Get("Authorization"), "https://send.example")
}

func checkToken(t *testing.T, header, audience string) {
	t.Helper()
	issuer, err := sharedIssuer()
	if err != nil {
		t.Fatal(err)
	}
	validator, err := idtoken.NewValidator(t.Context(), option.WithHTTPClient(issuer.Client()))
	if err != nil {
		t.Fatal(err)
	}
	token, bearer := strings.CutPrefix(header, "Bearer ")
	payload, err := validator.Validate(t.Context(), token, audience)
	if err != nil || !bearer {
		t.Fatalf("Authorization %q: %v", header, err)
	}
	if payload.Claims["email"] != account || payload.Claims["email_verified"] != true {
		t.Errorf("claims %v", payload.Claims)
	}
}

func TestPushWithoutPolicies(t *testing.T) {
	t.Parallel()
	url, pushes := endpoint(t, ok)
	server := start(t, pubsub.Options{Config: config(pubsub.Subscription{Endpoint: url})})
	publish(t, connect(t, server.Addr()), &client.Message{Data: []byte("x")})
	got := <-pushes
	if _, signed := got.header["Authorization"]; signed {
		t.Error("a token nobody asked for")
	}
	if strings.Contains(got.text, "deliveryAttempt") || !strings.Contains(got.text, `"attributes":{}`) {
		t.Error(got.text)
	}
}

func TestTokenIsForTheEndpointByDefault(t *testing.T) {
	t.Parallel()
	url, pushes := endpoint(t, ok)
	server := start(t, pubsub.Options{Config: config(pubsub.Subscription{Endpoint: url, ServiceAccount: account})})
	publish(t, connect(t, server.Addr()), &client.Message{Data: []byte("x")})
	checkToken(t, (<-pushes).header.Get("Authorization"), url)
}

func TestWhatAcknowledges(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		codes []int // the last is the final answer
		acked bool
	}{
		"200": {[]int{200}, true}, "201": {[]int{201}, true}, "202": {[]int{202}, true}, "204": {[]int{204}, true},
		"102 whatever follows": {[]int{102, 500}, true},
		"100 says nothing":     {[]int{100, 500}, false},
		"203":                  {[]int{203}, false}, "206": {[]int{206}, false}, "301": {[]int{301}, false},
		"400": {[]int{400}, false}, "404": {[]int{404}, false}, "429": {[]int{429}, false}, "500": {[]int{500}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, pushes := endpoint(t, func(w http.ResponseWriter, p push) {
				if p.body.DeliveryAttempt > 1 {
					return
				}
				w.Header().Set("Location", "/elsewhere")
				for _, code := range c.codes {
					w.WriteHeader(code)
				}
			})
			server := start(t, pubsub.Options{Speed: 100, Config: config(pubsub.Subscription{
				Endpoint: url, DeadLetterTopic: "dte-signed-dead", AckDeadline: pubsub.Duration(600 * time.Second),
			})})
			publish(t, connect(t, server.Addr()), &client.Message{Data: []byte("x")})
			<-pushes
			if !c.acked {
				if again := <-pushes; again.body.DeliveryAttempt != 2 {
					t.Errorf("attempt %d", again.body.DeliveryAttempt)
				}
			}
			waitFor(t, server, sub, func(s pubsub.SubscriptionState) bool { return s.Delivered == 1 && s.Pending == 0 })
			if len(pushes) != 0 {
				t.Error("pushed again after the acknowledgement")
			}
		})
	}
}

// waitFor looks at the emulator's counts until they are as wanted; a test that
// waits for what never comes ends with the test binary's timeout.
func waitFor(t testing.TB, server *pubsub.Server, name string, wanted func(pubsub.SubscriptionState) bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !wanted(server.State().Subscriptions[name]) {
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-ticker.C:
		}
	}
}

func TestAckDeadlineEndsThePush(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	url, pushes := endpoint(t, func(_ http.ResponseWriter, p push) {
		if p.body.DeliveryAttempt == 1 {
			<-release // answers only after the second attempt has come
		}
	})
	server := start(t, pubsub.Options{Speed: 100, Config: config(pubsub.Subscription{
		Endpoint: url, DeadLetterTopic: "dte-signed-dead", AckDeadline: pubsub.Duration(10 * time.Second),
	})})
	publish(t, connect(t, server.Addr()), &client.Message{Data: []byte("x")})
	first, second := <-pushes, <-pushes
	close(release)
	got := []int{first.body.DeliveryAttempt, second.body.DeliveryAttempt}
	if diff := cmp.Diff([]int{1, 2}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBackoffThenDeadLetter(t *testing.T) {
	t.Parallel()
	url, pushes := endpoint(t, func(w http.ResponseWriter, _ push) { w.WriteHeader(http.StatusServiceUnavailable) })
	server := start(t, pubsub.Options{Speed: 100, Config: config(pubsub.Subscription{
		Endpoint: url, DeadLetterTopic: "dte-signed-dead", MaxAttempts: 6, AckDeadline: pubsub.Duration(600 * time.Second),
		RetryMin: pubsub.Duration(time.Second), RetryMax: pubsub.Duration(5 * time.Second),
	})})
	c := connect(t, server.Addr())
	id := publish(t, c, &client.Message{Data: []byte("poison"), Attributes: map[string]string{"type": "33"}})

	letter := pull(t, c, deadSub)[0].GetMessage()
	last := time.Time{}
	for n, least := range []time.Duration{0, 10, 20, 40, 50, 50} {
		got := <-pushes
		if got.body.DeliveryAttempt != n+1 || got.body.Message.MessageID != id {
			t.Errorf("attempt %d: %s", n+1, got.text)
		}
		if gap := got.at.Sub(last); gap < least*time.Millisecond {
			t.Errorf("attempt %d came after %v, want at least %d ms", n+1, gap, least)
		}
		last = got.at
	}
	delete(letter.Attributes, "CloudPubSubDeadLetterSourceTopicPublishTime")
	want := map[string]string{
		"type": "33",
		"CloudPubSubDeadLetterSourceDeliveryCount":        "6",
		"CloudPubSubDeadLetterSourceSubscription":         "send",
		"CloudPubSubDeadLetterSourceSubscriptionProject":  project,
		"CloudPubSubDeadLetterSourceDeliveryErrorMessage": "endpoint answered 503",
	}
	if diff := cmp.Diff(want, letter.GetAttributes()); diff != "" || string(letter.GetData()) != "poison" {
		t.Error(diff, string(letter.GetData()))
	}
	if s := server.State().Subscriptions[sub]; s.Pending != 0 || s.Dead != 1 || s.Delivered != 0 || len(pushes) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestDeletedSubscriptionPushesNoMore(t *testing.T) {
	t.Parallel()
	url, pushes := endpoint(t, func(w http.ResponseWriter, _ push) { w.WriteHeader(http.StatusServiceUnavailable) })
	server := start(t, pubsub.Options{Speed: 100, Config: config(pubsub.Subscription{Endpoint: url})})
	c := connect(t, server.Addr())
	publish(t, c, &client.Message{Data: []byte("x")})
	<-pushes
	drop(t, c, sub)
	if _, there := server.State().Subscriptions[sub]; there {
		t.Error("still there")
	}
	stop(t, server) // returns only when no push is in flight
}
