package generatesign

import (
	"context"
	"time"
)

// Sweep is what /_tick does.
func (h *Handler) Sweep(ctx context.Context) error { return h.service.sweep(ctx, time.Now()) }
