/** A certificate that vouches for itself, and its key: for `receiver.example`, in tests only. */
export const receiverCertificate = `\
-----BEGIN CERTIFICATE-----
MIIBqjCCAVCgAwIBAgIUYys8vo177rXmzz9//ZcsqgQtF6UwCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQcmVjZWl2ZXIuZXhhbXBsZTAgFw0yNjExMjExMzM3NDhaGA8y
MTI2MTAyODEzMzc0OFowGzEZMBcGA1UEAwwQcmVjZWl2ZXIuZXhhbXBsZTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABLZL45uOGG3UPdx3AmysyF5y6/+kLPttRpBv
VGzvCDnqGgnEbie+pfhZ9xpavVfmHnoJBbKBhGjmONk/4CwP2c+jcDBuMB0GA1Ud
DgQWBBRNbcNC1VhkYz31umz9KPVtbP+PvzAfBgNVHSMEGDAWgBRNbcNC1VhkYz31
umz9KPVtbP+PvzAPBgNVHRMBAf8EBTADAQH/MBsGA1UdEQQUMBKCEHJlY2VpdmVy
LmV4YW1wbGUwCgYIKoZIzj0EAwIDSAAwRQIgCpodUSJEOXp/rA5TDqBUd4bJeJid
7MNChajJJKbJf/gCIQCetobATPRppdBecAG/9KYs/ct7u8GiVuQLCE1hljmqJg==
-----END CERTIFICATE-----
`;

export const receiverKey = `\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9hTm8T7EyN+kF/ir
RAykKibgzJhRuLmkyy+Q30X8Wv+hRANCAAS2S+Objhht1D3cdwJsrMhecuv/pCz7
bUaQb1Rs7wg56hoJxG4nvqX4WfcaWr1X5h56CQWygYRo5jjZP+AsD9nP
-----END PRIVATE KEY-----
`;
