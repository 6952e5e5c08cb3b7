// wininet URL: asks for it with the proxy settings of the system, as programs on WinINet do, and prints the status.
#include <stdio.h>
#include <windows.h>
#include <wininet.h>

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	HINTERNET net = InternetOpenA("wininet", INTERNET_OPEN_TYPE_PRECONFIG, NULL, NULL, 0);
	HINTERNET request = InternetOpenUrlA(net, argv[1], NULL, 0, INTERNET_FLAG_RELOAD | INTERNET_FLAG_NO_UI, 0);
	DWORD status = 0, size = sizeof status;
	if (!request || !HttpQueryInfoA(request, HTTP_QUERY_STATUS_CODE | HTTP_QUERY_FLAG_NUMBER, &status, &size, NULL)) {
		printf("error %lu\n", GetLastError());
		return 1;
	}
	printf("%lu\n", status);
	return 0;
}
