package rules

import "strings"

// describe says in Spanish what must hold, for the reference page.
func describe(row map[string]string) string {
	text := says(row)
	if row["when"] != "" {
		text = "si " + spoken(row["when"]) + ": " + text
	}
	if row["each"] != "" {
		text = "en cada " + spoken(row["each"]) + ", " + text
	}
	return strings.Join(strings.Fields(text), " ")
}

func says(row map[string]string) string {
	at, with := strings.ReplaceAll(row["at"], " ", ", "), strings.TrimPrefix(spoken(row["with"]), "/")
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
		low, high, _ := strings.Cut(row["with"], "..")
		return at + bound(" desde ", low) + bound(" hasta ", high)
	case "at-most":
		return "a lo más " + with
	case "sum":
		return at + " " + with
	case "product":
		return at + " = " + with + ", redondeado"
	case "special":
		return specials[row["with"]].says
	}
	return strings.ReplaceAll(at, "*", "cualquier campo") + ", por la lectura, el esquema o el cálculo"
}

func bound(word, text string) string {
	if text == "" {
		return ""
	}
	return word + strings.TrimPrefix(spoken(text), "/")
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
		"@letters", "un código con letras", "@digits", "un número", "@", "la lista ", " /", " ", "+/", "+", "-/", "−").Replace(text)
}
