package egress

import (
	"fmt"
	"syscall"

	"github.com/alexbrainman/sspi"

	"webproxy/internal/proxystatus"
)

const hasSSPI = true

// secNoAuthority is SEC_E_NO_AUTHENTICATING_AUTHORITY: no domain controller could be reached.
const secNoAuthority = syscall.Errno(0x80090311)

// systemToken has Windows make a Kerberos token (RFC 4121, 4.1) for spn, of the account that this process runs as. It may wait for a domain
// controller. It is safe for concurrent use.
func systemToken(spn string) ([]byte, error) {
	fail := func(doing string, err error) error {
		if err == secNoAuthority {
			return &ticketError{proxystatus.Unavailable, "no Kerberos ticket: Windows reaches no domain controller", fmt.Errorf("%s: %w", doing, err)}
		}
		return &ticketError{proxystatus.Configuration, "no Kerberos ticket: Windows gives none", fmt.Errorf("%s: %w", doing, err)}
	}
	pkg, err := sspi.QueryPackageInfo(sspi.MICROSOFT_KERBEROS_NAME) // without a domain there may be none
	if err != nil {
		return nil, fail("SSPI package Kerberos", err)
	}
	target, err := syscall.UTF16PtrFromString(spn)
	if err != nil {
		return nil, fail("SPN", err)
	}
	cred, err := sspi.AcquireCredentials("", sspi.MICROSOFT_KERBEROS_NAME, sspi.SECPKG_CRED_OUTBOUND, nil)
	if err != nil {
		return nil, fail("SSPI credentials", err)
	}
	defer cred.Release()
	out := make([]byte, pkg.MaxToken)
	buffers := []sspi.SecBuffer{{BufferSize: pkg.MaxToken, BufferType: sspi.SECBUFFER_TOKEN, Buffer: &out[0]}}
	c := sspi.NewClientContext(cred, sspi.ISC_REQ_CONNECTION)
	switch result := c.Update(target, sspi.NewSecBufferDesc(buffers), nil); result {
	case sspi.SEC_E_OK, sspi.SEC_I_CONTINUE_NEEDED:
	default:
		return nil, fail("SSPI token for "+spn, result)
	}
	defer c.Release()
	size := buffers[0].BufferSize
	if size == 0 || size > pkg.MaxToken {
		return nil, fail("SSPI token for "+spn, fmt.Errorf("%d bytes", size))
	}
	return out[:size], nil
}
