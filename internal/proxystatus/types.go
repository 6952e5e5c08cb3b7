package proxystatus

// The proxy error types of RFC 9209, 2.3, that this proxy uses: clients get them, and close records have them.
const (
	Denied          = "http_request_denied"
	Prohibited      = "destination_ip_prohibited"
	BadRequest      = "http_request_error"
	Protocol        = "http_protocol_error"
	Incomplete      = "http_response_incomplete"
	WriteTimeout    = "connection_write_timeout"
	ResponseTimeout = "http_response_timeout"
	Loop            = "proxy_loop_detected"
	Internal        = "proxy_internal_error"
	DNSError        = "dns_error"
	DNSTimeout      = "dns_timeout"
	Unroutable      = "destination_ip_unroutable"
	Unavailable     = "destination_unavailable"
	Refused         = "connection_refused"
	Terminated      = "connection_terminated"
	Timeout         = "connection_timeout"
	LimitReached    = "connection_limit_reached"
	TLSProtocol     = "tls_protocol_error"
	TLSCertificate  = "tls_certificate_error"
	TLSAlert        = "tls_alert_received"
	Configuration   = "proxy_configuration_error"
)
