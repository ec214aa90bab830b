// Package supplier is a company that mails its documents to customers, in every
// odd way in which real suppliers do (WEBSERVICES §9.2, "Noise to survive").
//
//	bot, err := supplier.New(world, "b")       // of a world of package authority
//	letter, err := bot.Letter(supplier.Oddities()[0], order)
//	err = bot.Send("127.0.0.1:2525", letter)    // by plain SMTP
//
// Oddities is the table of what to expect of a receiver, as data for tests. The
// documents are signed and stamped for real with the world's keys, but nothing is
// told to the SII: who needs that plants them (control API) or uploads them.
//
// Office is the bot at work: it remembers what it sent, and Judge tells of the mails in its mailbox whether each answer is as
// the format and the law ask (schema, signatures, the envelope or document that it names, its codes), and whether each
// envelope was answered exactly as often as it had to be. It shares nothing with who writes the answers.
package supplier
