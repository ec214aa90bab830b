package send

import "timbre/shared/rut"

// FlushRequest asks for what waits to be sent now; without a company, for all that the caller may act for.
type FlushRequest struct {
	Company rut.RUT `json:"company"`
}

// FlushAnswer says how each chain stands afterwards.
type FlushAnswer struct {
	Chains []ChainState `json:"chains"`
}

// ChainState is one chain of envelopes.
type ChainState struct {
	Company     string `json:"company"`
	Environment string `json:"environment"`
	Channel     string `json:"channel"`
	// Released counts envelopes whose refusal for the company's fault was lifted, and those that went out again
	// though the SII has other documents under their folios.
	Released int `json:"released"`
	// Waiting counts the documents that are still in the outbox.
	Waiting int `json:"waiting"`
	// Oldest is when the one of them that was issued first was, and AgeSeconds how long ago that is.
	Oldest     string `json:"oldest,omitempty"`
	AgeSeconds int    `json:"age_seconds"`
}
