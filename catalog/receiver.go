package catalog

// receivers are services that exist to receive what anybody sends them: request catchers, tunnels to somebody's machine, file
// and text shares, hooks that pass a message on. No server needs them, and whoever made up the name or the path can read what
// is sent there. The values say what a name or a path there is.
var receivers = map[string]string{
	// catchers of requests
	"beeceptor.com": "request catcher", "burpcollaborator.net": "request catcher", "canarytokens.com": "request catcher",
	"canarytokens.org": "request catcher", "dnslog.cn": "request catcher", "ceye.io": "request catcher",
	"hookbin.com": "request catcher", "hookdeck.com": "request catcher", "httpbin.org": "request catcher",
	"httpdump.app": "request catcher", "interact.sh": "request catcher", "interactsh.com": "request catcher",
	"mockbin.org": "request catcher", "mocky.io": "request catcher", "oast.fun": "request catcher",
	"oast.live": "request catcher", "oast.me": "request catcher", "oast.online": "request catcher",
	"oast.pro": "request catcher", "oast.site": "request catcher", "oastify.com": "request catcher",
	"pipedream.com": "request catcher", "pipedream.net": "request catcher", "pingb.in": "request catcher",
	"postb.in": "request catcher", "ptsv2.com": "request catcher", "ptsv3.com": "request catcher",
	"requestbin.com": "request catcher", "requestbin.net": "request catcher", "requestcatcher.com": "request catcher",
	"requestinspector.com": "request catcher", "requestrepo.com": "request catcher", "svix.com": "request catcher",
	"typedwebhook.tools": "request catcher", "webhook.cool": "request catcher", "webhook.site": "request catcher",
	"webhookrelay.com": "request catcher", "whcatch.com": "request catcher",
	// tunnels to somebody's machine
	"bore.digital": "tunnel", "bore.pub": "tunnel", "devtunnels.ms": "tunnel", "expose.dev": "tunnel",
	"localhost.run": "tunnel", "lhr.life": "tunnel", "lhr.rocks": "tunnel", "lhrtunnel.link": "tunnel", "loca.lt": "tunnel",
	"localtonet.com": "tunnel", "localtunnel.me": "tunnel", "localxpose.io": "tunnel", "loclx.io": "tunnel",
	"ngrok-free.app": "tunnel", "ngrok-free.dev": "tunnel", "ngrok.app": "tunnel", "ngrok.com": "tunnel", "ngrok.dev": "tunnel",
	"ngrok.io": "tunnel", "ngrok.pizza": "tunnel", "packetriot.net": "tunnel", "pagekite.me": "tunnel", "pinggy.io": "tunnel",
	"pinggy.link": "tunnel", "pktriot.net": "tunnel", "playit.gg": "tunnel", "portmap.io": "tunnel", "serveo.net": "tunnel",
	"serveousercontent.com": "tunnel", "telebit.io": "tunnel", "trycloudflare.com": "tunnel",
	"ts.net": "tunnel", "tunnelmole.net": "tunnel", "tunnelto.dev": "tunnel", "zrok.io": "tunnel",
	// places for files
	"0x0.st": "file share", "anonfiles.com": "file share", "bashupload.com": "file share", "box.com": "file share",
	"catbox.moe": "file share", "dropbox.com": "file share", "dropboxapi.com": "file share", "file.io": "file share",
	"filebin.net": "file share", "gofile.io": "file share", "mediafire.com": "file share", "mega.co.nz": "file share",
	"mega.io": "file share", "mega.nz": "file share", "oshi.at": "file share", "pixeldrain.com": "file share",
	"sendspace.com": "file share", "temp.sh": "file share", "tmpfiles.org": "file share", "transfer.sh": "file share",
	"transfernow.net": "file share", "uguu.se": "file share", "wetransfer.com": "file share",
	// places for texts
	"controlc.com": "paste", "dpaste.com": "paste", "dpaste.org": "paste", "ghostbin.com": "paste", "hastebin.com": "paste",
	"justpaste.it": "paste", "paste.ee": "paste", "paste.rs": "paste", "pastebin.com": "paste", "pastes.io": "paste",
	"rentry.co": "paste", "sprunge.us": "paste", "termbin.com": "paste",
	// hooks and chats that a program can write to
	"api.telegram.org": "chat bot", "discord.com": "chat hook", "discordapp.com": "chat hook", "hooks.slack.com": "chat hook",
	"hooks.zapier.com": "hook", "ifttt.com": "hook", "make.com": "hook", "maker.ifttt.com": "hook", "ntfy.sh": "hook",
	"webhook.office.com": "chat hook",
}

// Receiver says what a name or a path at host is, such as "request catcher", if host belongs to a service that exists to receive
// what anybody sends it; else it is empty. Host is in its normal form.
func Receiver(host string) string { return receivers[receiverOf(host)] }

// receiverOf is the domain of the receiver that host belongs to; may be empty.
func receiverOf(host string) string {
	for at := host; at != ""; at = parentDomain(at) {
		if receivers[at] != "" {
			return at
		}
	}
	return ""
}
