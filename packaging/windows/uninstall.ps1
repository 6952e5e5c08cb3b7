# Takes back what install.ps1 did. The audit log stays, with its key, and so does a configuration that was edited, but with -Purge.
#Requires -RunAsAdministrator
[CmdletBinding()]
param([switch]$Purge)
$ErrorActionPreference = 'Stop'

$call = @('service', 'uninstall')
if ($Purge) { $call += '--purge' }

& (Join-Path $PSScriptRoot 'webproxy.exe') @call
exit $LASTEXITCODE
