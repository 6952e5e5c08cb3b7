# Reverts install.ps1. The audit log with its key and an edited configuration stay, unless -Purge is given.
#Requires -RunAsAdministrator
[CmdletBinding()]
param([switch]$Purge)
$ErrorActionPreference = 'Stop'

$call = @('service', 'uninstall')
if ($Purge) { $call += '--purge' }

& (Join-Path $PSScriptRoot 'webproxy.exe') @call
exit $LASTEXITCODE
