package check

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// LoadOpenAPI reads docs/openapi.yaml and validates it as OpenAPI 3.1.
func LoadOpenAPI(root string) (*openapi3.T, error) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	return ParseOpenAPI(text)
}

// ParseOpenAPI parses and validates a description.
func ParseOpenAPI(text []byte) (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	return doc, doc.Validate(context.Background())
}

// everywhere are paths of every function, which shared/serve answers before the routes.
var everywhere = []string{"GET /health", "GET /health/ready"}

// OpenAPI compares a description with the product: routes, the properties of JSON types, problem codes.
func OpenAPI(doc *openapi3.T, p *Product) ([]Fault, error) {
	var found []Fault
	fault := func(rule, format string, a ...any) { found = append(found, Fault{rule, fmt.Sprintf(format, a...)}) }
	routes(doc, p, fault)
	if err := codes(doc, p, fault); err != nil {
		return nil, err
	}
	for schema, t := range types {
		want, err := p.Properties(t.folder, t.name)
		if err != nil {
			return nil, err
		}
		got := propertiesOf(doc, schema)
		if !slices.Equal(got, want) {
			fault("properties", "%s has %v, %s.%s %v", schema, got, t.folder, t.name, want)
		}
	}
	return found, nil
}

func routes(doc *openapi3.T, p *Product, fault func(rule, format string, a ...any)) {
	described := slices.Clone(everywhere)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			described = append(described, method+" "+path)
			if operation.Responses.Default() == nil && !slices.Contains(everywhere, method+" "+path) {
				fault("routes", "%s %s does not say what else may be answered", method, path)
			}
		}
	}
	var real []string
	for _, function := range p.Functions {
		real = append(real, p.Routes[function]...)
	}
	real = append(real, everywhere...)
	for _, r := range real {
		if !slices.Contains(described, r) {
			fault("routes", "%s is not described", r)
		}
	}
	for _, r := range described {
		if !slices.Contains(real, r) {
			fault("routes", "%s is described and not there", r)
		}
	}
}

func codes(doc *openapi3.T, p *Product, fault func(rule, format string, a ...any)) error {
	files, err := parseFolder(filepath.Join(p.root, "shared", "problem"))
	if err != nil {
		return err
	}
	var described []string
	for _, urn := range doc.Components.Schemas["Problem"].Value.Properties["type"].Value.Enum {
		described = append(described, strings.TrimPrefix(fmt.Sprint(urn), "urn:dte:problem:"))
	}
	slices.Sort(described)
	if real := constantsOf(files, "Code"); !slices.Equal(described, real) {
		fault("codes", "problems are %v, in shared/problem %v", described, real)
	}
	return nil
}

// propertiesOf are the names of a schema's properties, of the parts of allOf too.
func propertiesOf(doc *openapi3.T, name string) []string {
	ref, found := doc.Components.Schemas[name]
	if !found {
		return nil
	}
	names := namesOf(ref.Value)
	slices.Sort(names)
	return slices.Compact(names)
}

func namesOf(s *openapi3.Schema) []string {
	var names []string
	for name := range s.Properties {
		names = append(names, name)
	}
	for _, part := range s.AllOf {
		names = append(names, namesOf(part.Value)...)
	}
	return names
}

// types are the Go types that schemas describe.
var types = map[string]struct{ folder, name string }{
	"Problem":            {"shared/problem", "standard"},
	"Fault":              {"shared/problem", "Field"},
	"SIIAnswer":          {"shared/problem", "SII"},
	"DocumentRequest":    {"functions/generate-sign", "documentRequest"},
	"BatchItem":          {"functions/generate-sign", "batchItem"},
	"BatchResult":        {"functions/generate-sign", "batchResult"},
	"ReserveRequest":     {"functions/generate-sign", "reserveRequest"},
	"Reservation":        {"functions/generate-sign", "reserveAnswer"},
	"DryRun":             {"functions/generate-sign", "dryRunAnswer"},
	"MoveRequest":        {"functions/generate-sign", "moveRequest"},
	"MovePartner":        {"functions/generate-sign", "movePartner"},
	"MoveLine":           {"functions/generate-sign", "moveLine"},
	"Move":               {"functions/generate-sign", "moveAnswer"},
	"MoveFailure":        {"functions/generate-sign", "moveFailure"},
	"Document":           {"shared/document", "View"},
	"SIIState":           {"shared/document", "SII"},
	"SIIDetail":          {"shared/document", "Detail"},
	"Change":             {"shared/document", "ViewChange"},
	"Links":              {"shared/document", "Links"},
	"CompanyChoice":      {"functions/send", "FlushRequest"},
	"Flush":              {"functions/send", "FlushAnswer"},
	"Chain":              {"functions/send", "ChainState"},
	"Sweep":              {"functions/poll-status", "SweepAnswer"},
	"DocumentList":       {"functions/poll-status", "List"},
	"DocumentItem":       {"functions/poll-status", "ListItem"},
	"EvidenceList":       {"functions/poll-status", "EvidenceList"},
	"Evidence":           {"shared/dispatch", "Evidence"},
	"EventList":          {"functions/poll-status", "EventList"},
	"UndeliveredList":    {"functions/poll-status", "UndeliveredList"},
	"Notice":             {"shared/event", "Notice"},
	"StatusData":         {"functions/notify", "StatusData"},
	"DownloadRequest":    {"functions/download-received", "DownloadRequest"},
	"Download":           {"functions/download-received", "DownloadAnswer"},
	"PostedReceived":     {"functions/download-received", "PostAnswer"},
	"ReceivedList":       {"functions/download-received", "List"},
	"SeedReceived":       {"functions/download-received", "SeedAnswer"},
	"Received":           {"functions/download-received", "Item"},
	"ReceivedCheck":      {"functions/download-received", "Check"},
	"ReceivedLinks":      {"functions/download-received", "Links"},
	"ReceivedVariant":    {"functions/download-received", "VariantView"},
	"ReceivedClaim":      {"shared/received", "Claim"},
	"ReceivedResponse":   {"shared/received", "Response"},
	"ResponseRequest":    {"functions/download-received", "ResponseRequest"},
	"ResponseAnswer":     {"functions/download-received", "ResponseAnswer"},
	"ReceivedFileList":   {"functions/download-received", "FileList"},
	"ReceivedFile":       {"functions/download-received", "FileView"},
	"BroughtDocument":    {"shared/received", "Brought"},
	"QuarantineList":     {"functions/download-received", "QuarantineList"},
	"AnswerRequest":      {"functions/download-received", "AnswerRequest"},
	"Outgoing":           {"functions/download-received", "Outgoing"},
	"OutgoingList":       {"functions/download-received", "OutgoingList"},
	"Supplier":           {"functions/download-received", "SupplierView"},
	"SupplierRequest":    {"functions/download-received", "SupplierRequest"},
	"Reconciliation":     {"functions/download-received", "Reconciliation"},
	"RegisterPeriod":     {"functions/download-received", "PeriodState"},
	"BookState":          {"functions/download-received", "BookState"},
	"BookFault":          {"shared/rcv", "Fault"},
	"RegisterBook":       {"functions/download-received", "BookAnswer"},
	"ListedDocument":     {"functions/download-received", "Listed"},
	"MissingXML":         {"functions/download-received", "Missing"},
	"RequestMail":        {"functions/download-received", "RequestMail"},
	"UnknownToSII":       {"functions/download-received", "Unknown"},
	"DifferingTotal":     {"functions/download-received", "Differing"},
	"XMLRequest":         {"functions/download-received", "XMLRequest"},
	"CompanyRequest":     {"functions/onboard", "companyRequest"},
	"BlockRequest":       {"functions/onboard", "blockRequest"},
	"Company":            {"functions/onboard", "companyAnswer"},
	"Block":              {"functions/onboard", "blockAnswer"},
	"Intercambio":        {"shared/company", "Intercambio"},
	"Mailbox":            {"shared/company", "Mailbox"},
	"CertificateRequest": {"functions/onboard", "certificateRequest"},
	"Certificate":        {"functions/onboard", "certificateAnswer"},
	"SecretsRequest":     {"functions/onboard", "secretsRequest"},
	"Secrets":            {"functions/onboard", "secretsAnswer"},
	"WebhookSecret":      {"functions/onboard", "webhookAnswer"},
	"Leaving":            {"functions/onboard", "leaveAnswer"},
	"CAF":                {"functions/onboard", "cafAnswer"},
	"Folios":             {"functions/onboard", "foliosAnswer"},
	"Stock":              {"functions/onboard", "stockAnswer"},
	"StockCAF":           {"functions/onboard", "stockCAF"},
	"VoidRequest":        {"functions/onboard", "voidRequest"},
	"Voided":             {"functions/onboard", "voidAnswer"},
	"Checkup":            {"functions/onboard", "doctorAnswer"},
	"Check":              {"functions/onboard", "checkAnswer"},
	"KeyRequest":         {"functions/onboard", "keyRequest"},
	"Key":                {"functions/onboard", "keyAnswer"},
	"Keys":               {"functions/onboard", "keysAnswer"},
}
