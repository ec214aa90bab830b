package faults

import "time"

// Profile is how bad a day is.
type Profile struct {
	Skew  time.Duration // the SII's clock differs by up to so much
	Rules []Rule
}

// Profiles by name. The probabilities are per call, per envelope and per mail;
// the first rule that strikes wins.
var Profiles = map[string]Profile{
	"calm": {},
	"normal": {Skew: 2 * time.Second, Rules: []Rule{
		{Fault: ResetBefore, Probability: 0.002},
		{Fault: ResetAfter, Probability: 0.002},
		{Fault: HTML, Status: 503, Probability: 0.003},
		{Fault: TooMany, RetryAfter: 1, Probability: 0.002},
		{Fault: KillToken, Probability: 0.002},
		{Fault: Mojibake, Probability: 0.05},
		{Fault: Delay, DelayMS: 2000, Probability: 0.002},
		{Fault: Delay, DelayMS: 150, Probability: 0.05},
		{Fault: Stuck, For: minutes(5), Probability: 0.01},
		{Fault: MailLate, For: minutes(10), Probability: 0.05},
		{Fault: MailDoubled, Probability: 0.01},
	}},
	"bad-day": {Skew: 20 * time.Second, Rules: []Rule{
		{Fault: Down, For: Duration(5 * time.Second), Probability: 0.001},
		{Fault: ResetBefore, Probability: 0.02},
		{Fault: ResetAfter, Probability: 0.02},
		{Fault: HTML, Status: 200, Probability: 0.01},
		{Fault: HTML, Status: 503, Probability: 0.02},
		{Fault: HTML, Status: 500, Process: true, Probability: 0.01},
		{Fault: Empty, Probability: 0.01},
		{Fault: Error500, Process: true, Probability: 0.01},
		{Fault: TooMany, RetryAfter: 1, Probability: 0.01},
		{Fault: KillToken, Probability: 0.01},
		{Fault: Duplicate, Probability: 0.02},
		{Fault: EmptyEPR, Probability: 0.05},
		{Fault: Mojibake, Probability: 0.15},
		{Fault: Delay, DelayMS: 3000, Probability: 0.01},
		{Fault: Delay, DelayMS: 500, Probability: 0.2},
		{Fault: Lost, Probability: 0.01},
		{Fault: Stuck, For: minutes(10), Probability: 0.1},
		{Fault: MailLost, Probability: 0.05},
		{Fault: MailLate, For: minutes(30), Probability: 0.2},
		{Fault: MailDoubled, Probability: 0.1},
		{Fault: MailMojibake, Probability: 0.1},
	}},
	"hell": {Skew: 90 * time.Second, Rules: []Rule{
		{Fault: Down, For: Duration(2 * time.Second), Probability: 0.002},
		{Fault: ResetBefore, Probability: 0.05},
		{Fault: ResetAfter, Probability: 0.05},
		{Fault: HTML, Status: 200, Process: true, Probability: 0.03},
		{Fault: HTML, Status: 500, Probability: 0.03},
		{Fault: HTML, Status: 503, Process: true, Probability: 0.03},
		{Fault: Empty, Probability: 0.02},
		{Fault: Empty, Process: true, Probability: 0.02},
		{Fault: Error500, Probability: 0.02},
		{Fault: Error500, Process: true, Probability: 0.02},
		{Fault: TooMany, RetryAfter: 1, Probability: 0.03},
		{Fault: KillToken, Probability: 0.03},
		{Fault: Duplicate, Probability: 0.05},
		{Fault: EmptyEPR, Probability: 0.15},
		{Fault: Mojibake, Probability: 0.3},
		{Fault: Delay, DelayMS: 2000, Probability: 0.01},
		{Fault: Delay, DelayMS: 200, Probability: 0.2},
		{Fault: Lost, Probability: 0.05},
		{Fault: Stuck, For: minutes(20), Probability: 0.2},
		{Fault: MailLost, Probability: 0.2},
		{Fault: MailLate, For: minutes(120), Probability: 0.25},
		{Fault: MailDoubled, Probability: 0.15},
		{Fault: MailMojibake, Probability: 0.15},
	}},
}

func minutes(n int) Duration { return Duration(time.Duration(n) * time.Minute) }
