// winhttp HOST PORT PATH: asks for it by http with the default proxy of WinHTTP, as services do, and prints the status.
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>
#include <winhttp.h>

int main(int argc, char **argv) {
	if (argc != 4) return 2;
	WCHAR host[256], path[256];
	MultiByteToWideChar(CP_UTF8, 0, argv[1], -1, host, 256);
	MultiByteToWideChar(CP_UTF8, 0, argv[3], -1, path, 256);
	HINTERNET net = WinHttpOpen(L"winhttp", WINHTTP_ACCESS_TYPE_DEFAULT_PROXY, WINHTTP_NO_PROXY_NAME, WINHTTP_NO_PROXY_BYPASS, 0);
	HINTERNET server = WinHttpConnect(net, host, (INTERNET_PORT)atoi(argv[2]), 0);
	HINTERNET request = WinHttpOpenRequest(server, L"GET", path, NULL, WINHTTP_NO_REFERER, WINHTTP_DEFAULT_ACCEPT_TYPES, 0);
	DWORD status = 0, size = sizeof status;
	if (!request || !WinHttpSendRequest(request, NULL, 0, NULL, 0, 0, 0) || !WinHttpReceiveResponse(request, NULL) ||
	    !WinHttpQueryHeaders(request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &status, &size, NULL)) {
		printf("error %lu\n", GetLastError());
		return 1;
	}
	printf("%lu\n", status);
	return 0;
}
