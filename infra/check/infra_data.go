package check

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// topics: the cloud has those of the product.
func topics(c *config, p *Product, fault func(string, ...any)) {
	var got []string
	if list, found := c.locals["topics"]; found {
		got = c.texts(list)
	}
	if !slices.Equal(got, p.Topics) {
		fault("topics are %v, the product's %v", got, p.Topics)
	}
}

// deadLetters: each topic has a second one that is kept, and each push buries what it cannot deliver.
func deadLetters(c *config, _ *Product, fault func(string, ...any)) {
	for _, kind := range []string{"google_pubsub_topic", "google_pubsub_subscription", "google_pubsub_topic_iam_member"} {
		name := map[string]string{"google_pubsub_topic_iam_member": "bury"}[kind]
		if name == "" {
			name = "dead"
		}
		b, found := c.one(kind, name)
		if !found || c.attribute(b.Body, "for_each") != "local.topics" {
			fault("not every topic has a %s.%s", kind, name)
		}
	}
	if b, found := c.one("google_pubsub_topic", "main"); !found || c.attribute(b.Body, "for_each") != "local.topics" {
		fault("not every topic is made")
	}
	for _, b := range c.find("resource", "google_pubsub_topic") {
		if strings.Contains(c.attribute(b.Body, "for_each"), "topics") {
			continue
		}
		fault("topic %s has no dead letters", b.Labels[1])
	}
	for _, b := range c.find("resource", "google_pubsub_subscription") {
		if expiration, ok := nested(b.Body, "expiration_policy"); !ok || c.attribute(expiration, "ttl") != `""` {
			fault("subscription %s is gone after 31 quiet days", b.Labels[1])
		}
		if b.Labels[1] == "dead" {
			continue
		}
		policy, ok := nested(b.Body, "dead_letter_policy")
		if !ok || !strings.HasPrefix(c.attribute(policy, "dead_letter_topic"), "google_pubsub_topic.dead[") {
			fault("subscription %s buries nothing", b.Labels[1])
		}
	}
	if b, found := c.one("google_pubsub_subscription_iam_member", "bury"); !found || c.attribute(b.Body, "for_each") != "local.pushes" {
		fault("Pub/Sub may not acknowledge what it buries")
	}
}

// pushes: each topic wakes whom it wakes on one machine, with an ID token, at the path of serve.Push.
func pushes(c *config, p *Product, fault func(string, ...any)) {
	all, found := c.locals["pushes"]
	if !found {
		fault("no topic wakes anybody")
		return
	}
	got := c.keys(all)
	slices.Sort(got)
	if !slices.Equal(got, p.Pushes) {
		fault("pushes are %v, on one machine %v", got, p.Pushes)
	}
	for _, name := range got {
		row, _ := c.member(all, name)
		topic, _ := c.member(row, "topic")
		endpoint, _ := c.member(row, "endpoint")
		if topic == nil || endpoint == nil {
			fault("%s has no topic or endpoint", name)
			continue
		}
		text := c.text(topic, "")
		want := "module." + strings.ReplaceAll(strings.TrimPrefix(name, text+"-"), "-", "_") + ".uri"
		if got := c.source(endpoint); text == "" || got != want {
			fault("%s of topic %q goes to %s", name, text, got)
		}
	}
	b, found := c.one("google_pubsub_subscription", "push")
	if !found || c.attribute(b.Body, "for_each") != "local.pushes" {
		fault("pushes are not subscribed")
		return
	}
	config, ok := nested(b.Body, "push_config")
	if !ok || c.attribute(config, "push_endpoint") != `"${each.value.endpoint}/_push/${each.value.topic}"` {
		fault("pushes go to another path")
		return
	}
	if !carriesToken(c, config) {
		fault("pushes carry no ID token of the invoker")
	}
}

func carriesToken(c *config, b *hclsyntax.Body) bool {
	token, ok := nested(b, "oidc_token")
	return ok && c.attribute(token, "service_account_email") == "google_service_account.invoker.email" &&
		c.attribute(token, "audience") == "local.audience"
}

// ticks: every function is ticked each minute, with an ID token.
func ticks(c *config, p *Product, fault func(string, ...any)) {
	var got []string
	if all, found := c.locals["ticks"]; found {
		got = c.keys(all)
	}
	slices.Sort(got)
	if !slices.Equal(got, p.Functions) {
		fault("ticked are %v, the functions %v", got, p.Functions)
	}
	b, found := c.one("google_cloud_scheduler_job", "tick")
	if !found || c.attribute(b.Body, "for_each") != "local.ticks" || c.attribute(b.Body, "schedule") != `"* * * * *"` {
		fault("not every function is ticked each minute")
		return
	}
	target, ok := nested(b.Body, "http_target")
	if !ok || c.attribute(target, "uri") != `"${each.value}/_tick"` || !carriesToken(c, target) {
		fault("ticks go elsewhere or carry no ID token of the invoker")
	}
}

// state: nothing deletes claims and requests, and what a person deleted can be had back.
func state(c *config, _ *Product, fault func(string, ...any)) {
	b, found := c.one("google_storage_bucket", "state")
	if !found {
		fault("there is no state bucket")
		return
	}
	if len(inner(b.Body, "lifecycle_rule")) > 0 {
		fault("a lifecycle rule may delete claims and requests")
	}
	for _, child := range b.Body.Blocks {
		if child.Type == "dynamic" && child.Labels[0] == "lifecycle_rule" {
			fault("a lifecycle rule may delete claims and requests")
		}
	}
	if len(inner(b.Body, "retention_policy")) > 0 {
		fault("with a retention nothing of the state can be replaced")
	}
	if soft, ok := nested(b.Body, "soft_delete_policy"); !ok || number(c, soft, "retention_duration_seconds") < 7*86400 {
		fault("what is deleted from the state cannot be had back for a week")
	}
	if c.attribute(b.Body, "force_destroy") != "false" {
		fault("the state bucket can be destroyed with what it holds")
	}
}

// sixYears is what the law asks for (DESIGN: archive).
const sixYears = 6 * 365 * 86400

// archive: nothing signed is overwritten or deleted for six years.
func archive(c *config, _ *Product, fault func(string, ...any)) {
	b, found := c.one("google_storage_bucket", "archive")
	if !found {
		fault("there is no archive bucket")
		return
	}
	if policy, ok := nested(b.Body, "retention_policy"); !ok || number(c, policy, "retention_period") < sixYears {
		fault("the archive does not keep for six years")
	}
	if c.attribute(b.Body, "force_destroy") != "false" {
		fault("the archive bucket can be destroyed with what it holds")
	}
}

func number(c *config, b *hclsyntax.Body, name string) int64 {
	a, found := b.Attributes[name]
	if !found {
		return 0
	}
	v, err := c.value(a.Expr, "")
	if err != nil || !v.Type().Equals(cty.Number) {
		return 0
	}
	n, _ := v.AsBigFloat().Int64()
	return n
}

// quoted is a text in a filter that is itself a quoted string.
var quoted = regexp.MustCompile(`\\"([^"\\]+)\\"`)

// logs: a metric counts lines that the product really writes.
func logs(c *config, p *Product, fault func(string, ...any)) {
	all, found := c.locals["logged"]
	if !found {
		fault("no line of the logs is counted")
		return
	}
	for _, name := range c.keys(all) {
		row, _ := c.member(all, name)
		filter, ok := c.member(row, "filter")
		if !ok {
			fault("%s has no filter", name)
			continue
		}
		texts := quoted.FindAllStringSubmatch(c.source(filter), -1)
		if len(texts) == 0 {
			fault("%s counts no line", name)
		}
		for _, m := range texts {
			if _, logged := p.Lines[m[1]]; !logged {
				fault("%s counts %q, which nothing writes", name, m[1])
			}
		}
	}
}

// userMetric is a log-based metric in the filter of an alert.
var userMetric = regexp.MustCompile(`user/\$\{var\.prefix\}/([a-z-]+)`)

// alerts: each has its runbook, each runbook its alert, each metric that it looks at is there, and each
// that is counted is looked at.
func alerts(c *config, _ *Product, fault func(string, ...any)) {
	all, found := c.locals["alerts"]
	if !found {
		fault("there are no alerts")
		return
	}
	made := map[string]bool{"ticks-failing": true}
	if logged, ok := c.locals["logged"]; ok {
		for _, name := range c.keys(logged) {
			made[name] = true
		}
	}
	seen := map[string]bool{}
	for _, m := range userMetric.FindAllStringSubmatch(c.source(all), -1) {
		seen[m[1]] = true
		if !made[m[1]] {
			fault("the metric %s is not made", m[1])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if !seen[name] {
			fault("no alert looks at %s", name)
		}
	}
	names := c.keys(all)
	for _, name := range names {
		if !slices.Contains(c.runbooks, name) {
			fault("%s has no runbook", name)
		}
	}
	for _, name := range c.runbooks {
		if name != "README" && name != "restore" && !slices.Contains(names, name) {
			fault("the runbook %s has no alert", name)
		}
	}
}
