package rules

import "strings"

// describe says in Spanish what must hold, for the reference page.
func describe(row map[string]string) string {
	text := says(row)
	if row["when"] != "" {
		text = "si " + spoken(row["when"]) + ": " + text
	}
	if row["each"] != "" {
		text = "en cada " + row["each"] + ", " + text
	}
	return text
}

func says(row map[string]string) string {
	at, with := strings.ReplaceAll(row["at"], " ", ", "), spoken(row["with"])
	switch row["check"] {
	case "present":
		return "debe venir " + or(with, at)
	case "absent":
		return "no debe venir " + or(with, at)
	case "is":
		return at + " debe ser " + with
	case "not":
		return at + " no debe ser " + with
	case "between":
		return at + " está en " + with
	case "at-most":
		return "a lo más " + with
	case "sum":
		return at + " " + with
	case "product":
		return at + " = " + with + ", redondeado"
	case "special":
		return specials[row["with"]].says
	}
	return at + ": lo detecta la lectura, el esquema o el cálculo (" + with + ")"
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// spoken writes conditions for readers.
func spoken(text string) string {
	return strings.NewReplacer(" & ", " y ", "|", " o ", "[", " (", "]", ")", "!=", " ≠ ", "=", " = ", "!", "sin ", ">", " > ",
		"$issuer", "el RUT del emisor", "$acteco", "una actividad registrada de la empresa", "$today", "hoy", "$earliest", "hace tres días",
		"@letters", "un código con letras", "@digits", "un número", "@", "la lista ").Replace(text)
}
