package mailbox

import (
	"context"
	"errors"
	"fmt"
)

// Fault is why a mailbox or a mail server cannot be used. Each error of this package wraps one, but
// for those of callbacks and of a context that ended.
type Fault struct{ code, advice string }

// The faults.
var (
	ErrSettings = &Fault{"mail-settings", "La configuración del correo está incompleta o es inválida. Revise servidor, puerto y tipo de cifrado."}
	ErrAuth     = &Fault{
		"mail-auth",
		"El servidor de correo no acepta el usuario o la clave. Revíselos; muchos proveedores exigen una clave de aplicación.",
	}
	ErrTLS = &Fault{
		"mail-tls",
		"No se pudo cifrar la conexión con el servidor de correo. Revise el puerto, el tipo de cifrado (TLS o STARTTLS) y el certificado del servidor.",
	}
	ErrNoFolder    = &Fault{"mail-no-folder", "La carpeta no existe en la casilla. Escriba su nombre tal como lo muestra el proveedor."}
	ErrUnreachable = &Fault{
		"mail-unreachable",
		"No se pudo conectar con el servidor de correo, o dejó de responder. Se intentará de nuevo; si persiste, revise nombre y puerto.",
	}
	ErrProtocol = &Fault{"mail-protocol", "El servidor de correo responde de manera incorrecta. Consulte a su proveedor."}
	// ErrRefused is a permanent answer (5xx) to a mail, ErrLater a temporary one (4xx).
	ErrRefused = &Fault{"mail-refused", "El servidor de correo rechazó el mensaje. Revise la dirección del destinatario y el motivo indicado."}
	ErrLater   = &Fault{"mail-later", "El servidor de correo no acepta el mensaje por ahora. Se intentará de nuevo."}
	// ErrUnknown says that a mail may have been delivered: its answer was lost. Send the same bytes again.
	ErrUnknown = &Fault{"mail-unknown", "No se sabe si el mensaje fue entregado. Se enviará otra vez con el mismo identificador."}
)

func (f *Fault) Error() string { return f.code }

// Code is a stable word for the fault.
func (f *Fault) Code() string { return f.code }

// Advice says in Spanish what to do.
func (f *Fault) Advice() string { return f.advice }

// fail wraps an error with what was done and the fault it means. An error that has its fault already,
// or that comes from an ended context, keeps it.
func fail(op string, f *Fault, err error) error {
	var known *Fault
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", op, err)
	}
	return fmt.Errorf("%s: %w: %w", op, f, err)
}
