// Package depot keeps mailboxes on disk: accounts, their folders and the mails in them.
//
// Each mail is a file of its own, written beside its place, flushed and renamed; what Deliver has
// returned survives kill -9. A mail's UID is part of its name, so UIDs survive with it; UIDVALIDITY and
// the UIDs already used up stand in folder.json, flags beside the mail.
//
//	{dir}/{address}/account.json
//	{dir}/{address}/{folder}/folder.json
//	{dir}/{address}/{folder}/{uid}-{arrival in ns}.eml
//	{dir}/{address}/{folder}/{uid}.flags
//	{dir}/{address}/.late/{due in ns}-{n}.eml        delayed mails
package depot
