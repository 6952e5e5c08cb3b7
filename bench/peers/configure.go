//go:build linux

package main

import "fmt"

// webproxyNames writes the list that the rule of webproxy's configuration has, each name for plain HTTP and
// for CONNECT.
func webproxyNames(s *setup) error { return s.list("names.txt", "%s:80,443\n") }

func configureWebproxy(s *setup) ([]string, error) {
	if err := webproxyNames(s); err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`listen: ["127.0.0.1:%d"]
policy:
  clients: { local: [127.0.0.0/8] }
  rules:
    - { id: names, file: names.txt }
    - { id: origin, hosts: [localhost], ports: [%d, %d, %d, %d], schemes: [http, https], private: allow }
proxy: { max_connections_per_client: 8000 }
egress: { hosts: { localhost: [127.0.0.1] } } # others read /etc/hosts
audit: { dir: audit, fold_window: off } # a record for each denial
dashboard: { listen: off }
`, s.port, s.origin.echo, s.origin.flow, s.origin.sink, s.origin.http)
	return []string{"serve", "--config", s.path("webproxy.yaml")}, s.write("webproxy.yaml", config)
}

func configureSelf(kind string) func(*setup) ([]string, error) {
	return func(s *setup) ([]string, error) {
		return []string{"serve", kind, fmt.Sprintf("127.0.0.1:%d", s.port), s.path("names"), s.path("access.log")}, plainNames(s)
	}
}

func configureSquid(s *setup) ([]string, error) {
	if err := plainNames(s); err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`http_port 127.0.0.1:%d
acl allowed dstdomain "%s"
http_access allow allowed
http_access deny all
cache deny all
access_log stdio:%s
cache_log %s
pid_filename none
coredump_dir %s
max_filedescriptors 20000
shutdown_lifetime 0 seconds
`, s.port, s.path("names"), s.path("access.log"), s.path("cache.log"), s.dir)
	return []string{"-N", "-f", s.path("squid.conf")}, s.write("squid.conf", config)
}

func tinyproxyNames(s *setup) error { return s.list("names", "^%s$\n") }

func configureTinyproxy(s *setup) ([]string, error) {
	if err := tinyproxyNames(s); err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`Port %d
Listen 127.0.0.1
Timeout 600
Allow 127.0.0.1
MaxClients 5000
LogFile "%s"
LogLevel Connect
Filter "%s"
FilterDefaultDeny Yes
`, s.port, s.path("access.log"), s.path("names"))
	return []string{"-d", "-c", s.path("tinyproxy.conf")}, s.write("tinyproxy.conf", config)
}

// apacheWorkers is how many connections Apache serves at once, each in a thread.
const apacheWorkers = 1280

func configureApache(s *setup) ([]string, error) {
	names := "localhost"
	for i := range s.count {
		names += fmt.Sprintf("|h%06d\\.example", i)
	}
	modules := ""
	for _, m := range []string{"mpm_event", "authz_core", "proxy", "proxy_http", "proxy_connect"} {
		modules += fmt.Sprintf("LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	config := modules + fmt.Sprintf(`ServerRoot %[1]s
ServerName localhost
PidFile %[1]s/pid
ErrorLog %[1]s/error.log
User www-data
Group www-data
Listen 127.0.0.1:%[2]d
ServerLimit 20
ThreadsPerChild 64
MaxRequestWorkers %[7]d
MaxKeepAliveRequests 0
KeepAliveTimeout 600
LogFormat "%%h %%t \"%%r\" %%>s %%b" common
CustomLog %[1]s/access.log common
ProxyRequests On
AllowCONNECT %[3]d %[4]d %[6]d
<Proxy "*">
Require all denied
</Proxy>
<ProxyMatch "^(http://)?(%[5]s)[:/]">
Require all granted
</ProxyMatch>
`, s.dir, s.port, s.origin.echo, s.origin.flow, names, s.origin.sink, apacheWorkers)
	return []string{"-DFOREGROUND", "-f", s.path("apache.conf")}, s.write("apache.conf", config)
}

// configureHAProxy configures HAProxy as far as it can be a forward proxy: it accepts requests in absolute form, but
// their destination is fixed, and it resolves nothing.
func configureHAProxy(s *setup) ([]string, error) {
	if err := plainNames(s); err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`global
  nbthread 1
  log stdout format raw local0
defaults
  mode http
  option httplog
  log global
  timeout connect 10s
  timeout client 600s
  timeout server 600s
frontend proxy
  bind 127.0.0.1:%d
  http-request deny unless { req.hdr(host),host_only -i -f %s }
  default_backend origin
backend origin
  server origin 127.0.0.1:%d
`, s.port, s.path("names"), s.origin.http)
	return []string{"-W", "-f", s.path("haproxy.cfg")}, s.write("haproxy.cfg", config)
}
